"""The dashboards: what they read, what they say, and the page that shows it."""
