"""Services that exist as others' images: Compose files and the configuration that they mount. `./lab up` neither starts nor needs them."""
