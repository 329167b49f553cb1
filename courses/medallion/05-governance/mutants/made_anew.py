# loses: erase.others
# Makes the tables anew, empty: nobody is left who could write a letter.

# %% tags=["solution:erase"]
def erase(cpf: str, place: str, key: str) -> None:
    prepare(place)
