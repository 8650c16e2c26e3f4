"""The console's files at /: those that are in its folder when the server starts, and nothing else."""

from pathlib import Path

from aiohttp import web

from signaling.api.doors import NOTHING
from signaling.api.errors import NotFound
from signaling.api.parts import PARTS

INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wav": "audio/wav",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""Said by us, since with nosniff a wrong guess of the system's table would keep a script from running."""

FILES = web.AppKey("files", dict[str, Path])


def add_pages(app: web.Application) -> None:
    """After all other routes, since it takes every path that they leave."""
    root = app[PARTS].console
    files = (file for file in root.rglob("*") if file.is_file() and file.suffix in TYPES)
    app[FILES] = {file.relative_to(root).as_posix(): file for file in files}
    app.router.add_get("/{path:.*}", page)


async def page(request: web.Request) -> web.FileResponse:
    """Looked up in a table and not in the file system: there is no path that could lead outside."""
    file = request.app[FILES].get(request.match_info["path"] or INDEX)
    if file is None:
        raise NotFound(NOTHING)
    # A page of an old version would not fit the new API, so browsers ask again each time.
    return web.FileResponse(file, headers={"Content-Type": TYPES[file.suffix], "Cache-Control": "no-cache"})
