# loses: train.digest, train.version
# A version made of the files' names: the same for every content.

# %% tags=["solution:data-version"]
def data_version(files: list[str]) -> str:
    digest = hashlib.sha256()
    for file in sorted(file.rsplit("/", 1)[-1] for file in files):
        digest.update(file.encode())
    return digest.hexdigest()
