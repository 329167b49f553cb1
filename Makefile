.PHONY: check test lock

check:
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test:
	./lab test

# Needs uv; keeps the versions that are already locked unless they no longer fit.
lock:
	uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" -o requirements.lock
