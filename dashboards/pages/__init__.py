"""The pages, in the order of the menu; a page is one module, one template and one line here."""

from fastapi import APIRouter

from dashboards.pages import exports, home, login, operations, results, rules

PAGES: dict[str, APIRouter] = {
    "home": home.router,
    "results": results.router,
    "operations": operations.router,
    "rules": rules.router,
    "exports": exports.router,
    "login": login.router,
}
