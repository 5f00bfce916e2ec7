"""``stellwerk decide``: one request to the gateway, as an application would make it."""

from __future__ import annotations

import json
from typing import Any

import click

from stellwerk.cli.output import clean, facts, moment, number, print_json
from stellwerk.cli.session import Session, with_session
from stellwerk.kernel.errors import BadInput


def parse_pair(text: str, option: str) -> tuple[str, Any]:
    """Return name and value of ``name=value``: a number, true, false or null as such, anything else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"{option} {text!r} is no NAME=VALUE.", field=option, value=text, allowed="NAME=VALUE")
    try:
        parsed = json.loads(value, parse_constant=str)
    except ValueError:
        return name, value
    return name, parsed if isinstance(parsed, (int, float, str)) or parsed is None else value


def read_inputs(file: str) -> dict[str, Any]:
    """Return the JSON object in a file; "-" reads standard input. Raises BadInput."""
    with click.open_file(file, encoding="utf-8") as stream:
        try:
            content = json.load(stream)
        except ValueError as error:
            raise BadInput(f"{file} is no JSON: {error}", field="--input-file", value=file,
                           allowed="a JSON object of inputs") from None
    if not isinstance(content, dict):
        raise BadInput(f"{file} holds no JSON object.", field="--input-file", value=file,
                       allowed="a JSON object of inputs")
    return content


@click.command()
@click.argument("service")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="One input; may be repeated.")
@click.option("--input-file", metavar="FILE", help="Inputs as a JSON object; - reads standard input.")
@click.option("--subject", metavar="ID", help="Whom or what the decision is about.")
@click.option("--protected", multiple=True, metavar="NAME=VALUE", help="A protected attribute, for fairness only.")
@click.option("--idempotency-key", metavar="KEY", help="The same key gives the same answer once more.")
@with_session
def decide(session: Session, service: str, inputs: tuple[str, ...], input_file: str | None, subject: str | None,
           protected: tuple[str, ...], idempotency_key: str | None) -> None:
    """Ask a live service for one decision.

    \b
    Examples:
      stellwerk decide churn --input age=42 --input plan=basic --subject C-1007
      stellwerk decide churn --input-file customer.json --json | jq -r .id
    """
    body: dict[str, Any] = {"inputs": read_inputs(input_file) if input_file else {}}
    body["inputs"] |= dict(parse_pair(text, "--input") for text in inputs)
    if subject is not None:
        body["subject"] = subject
    if protected:
        body["protected"] = dict(parse_pair(text, "--protected") for text in protected)
    if idempotency_key is not None:
        body["idempotency_key"] = idempotency_key
    answer = session.gateway().decide(service, body)
    if session.as_json:
        print_json(answer)
        return
    colour = {"selected": "green", "rejected": "red"}.get(answer["decision"], "yellow")
    click.echo(f"{click.style(clean(answer['decision']), fg=colour, bold=True)}  score {number(answer['score'])}, "
               f"threshold {answer['threshold']}, version {answer['model_version']}")
    facts([("decision", answer["id"]), ("at", moment(answer["decided_at"])),
           *(("note", clean(mark if isinstance(mark, str) else json.dumps(mark))) for mark in answer["marks"]),
           ("why", f"stellwerk show {answer['id']}")])
