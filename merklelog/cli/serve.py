"""``merklelog serve``: every log of a data folder over HTTP, until told to stop."""

import logging
from pathlib import Path

import click

from merklelog.cli.options import data_option, json_option
from merklelog.cli.output import print_json


@click.command()
@data_option()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Default 127.0.0.1:8080. Port 0 takes a free one.",
)
@click.option(
    "--insecure",
    is_flag=True,
    default=None,
    help="Allow an address that others can reach, without TLS and credentials.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A merklelog.toml; MERKLELOG_* variables and flags come before it.",
)
@click.option("--policy", metavar="FILE", help="Not available yet.")
@json_option
def serve(
    *,
    data: Path,
    listen: str | None,
    insecure: bool | None,
    config_path: Path | None,
    policy: str | None,
    as_json: bool,
) -> None:
    """Serve every log in DIR, and print their URLs once it is ready.

    SIGTERM and Ctrl-C stop it in order: what was taken is committed and answered
    first. While it runs, other commands reach its logs through DIR/admin.sock.

    \b
    Example:
      merklelog serve --data logs --listen 127.0.0.1:8080
    """
    from merklelog.config import load_server_config
    from merklelog.server import run

    if policy is not None:
        raise click.UsageError("--policy: witness policies are not available yet")
    flags = {"listen": listen, "insecure": insecure}
    config = load_server_config(config_path, flags)
    logging.basicConfig(
        level=config.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )

    def announce(urls: list[str]) -> None:
        if as_json:
            print_json({"urls": urls})
            return
        for url in urls:
            click.echo(f"Serving {url}")

    run(data, config, on_ready=announce)
