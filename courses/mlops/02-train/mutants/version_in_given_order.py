# loses: train.digest, train.version
# The version depends on the order in which the files were named.

# %% tags=["solution:data-version"]
def data_version(files: list[str]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(lake.read(file))
    return digest.hexdigest()
