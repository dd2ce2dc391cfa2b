"""The SAM CLI with libyaml: it parses every template a dozen times, which is a third of its time in pure Python."""

import yaml

vars(yaml)["SafeLoader"] = yaml.CSafeLoader  # before SAM adds its tags to it

from samcli.cli.main import cli  # noqa: E402

cli(prog_name="sam")
