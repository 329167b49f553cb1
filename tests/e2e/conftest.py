"""A real Chromium, and pictures of every page a person meets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
PICTURES = Path(__file__).resolve().parents[2] / "test-results" / "pictures"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no Chromium on the PATH: apt-get install chromium"
    # Chromium's own sandbox refuses to run as root, which is how CI runs; the pages are ours.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Person:
    """One person at one browser: opens pages and keeps a picture of each step."""

    def __init__(self, browser: Browser, name: str, language: str = "en-US") -> None:
        self.name, self.steps = name, 0
        self.context = browser.new_context(viewport={"width": 1360, "height": 900}, locale=language)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)

    def picture(self, what: str, page: Page | None = None) -> None:
        """Keep a picture of the page as it is now."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.steps += 1
        (page or self.page).screenshot(path=PICTURES / f"{self.name}-{self.steps:02d}-{what}.png")

    def accept_invite(self, url: str, password: str) -> None:
        """Open the one-time link, choose a password, arrive at home."""
        self.page.goto(url)
        self.picture("invite")
        self.page.fill("#password", password)
        self.page.fill("#password_again", password)
        self.page.click("button.lab-button")
        self.page.wait_for_url("**/hub/home")
        self.picture("home")

    def open_lab(self, base: str) -> None:
        """Start the own server and wait until JupyterLab is usable."""
        self.page.goto(f"{base}/hub/spawn")
        self.page.wait_for_url(f"**/user/{self.name}/lab**", timeout=90_000)
        self.page.wait_for_selector(".jp-Launcher, .jp-NotebookPanel", timeout=90_000)
        self.picture("lab")


@pytest.fixture
def person(chromium: Browser) -> Iterator[object]:
    people: list[Person] = []

    def open_browser(name: str, language: str = "en-US") -> Person:
        people.append(Person(chromium, name, language))
        return people[-1]

    yield open_browser
    for one in people:
        one.picture("last")
        one.context.close()
