// The token is in the link's fragment, which browsers send to nobody. It leaves the address bar before anything else happens.
const field = document.getElementById("token");
if (location.hash.length > 1) {
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
