#!/usr/bin/env bash
# aws-sam-translator 1.113.0: a VpcConfig that is AWS::NoValue still gives each role the right to make network interfaces.
#
# A good guess: `VpcConfig: !If [HasNetwork, {…}, !Ref AWS::NoValue]` is how a property is left out, so a deployment
# without the network has the functions and the roles of a template without VpcConfig.
# What happens: SAM transforms before CloudFormation knows conditions and looks only at whether the property stands
# there. Every role gets the managed policy AWSLambdaVPCAccessExecutionRole (ec2:CreateNetworkInterface and others on all
# resources), also where the function is in no network. With `!If` around the right itself there is no way out, as the
# transform adds it: the property has to be put in before the transform, for the deployments that want it.
# Source: samtranslator/model/sam_resources.py, where the role is made with the policy if VpcConfig is given;
# AWS SAM developer guide, AWS::Serverless::Function, VpcConfig.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check aws-sam-translator==1.113.0 boto3==1.43.102
AWS_DEFAULT_REGION=us-east-1 "$here/venv/bin/python" - <<'EOF'
from importlib.metadata import version

from samtranslator.translator.transform import transform


class NoPolicies:
    """Managed policies by name, of which this template names none."""

    def load(self) -> dict[str, str]:
        return {}


def policies_with(vpc_config: object) -> list[str]:
    """The managed policies of the role of a function with this VpcConfig; none has it left out."""
    function = {"Handler": "a.b", "Runtime": "python3.13", "InlineCode": "def b(e, c): pass"}
    if vpc_config is not None:
        function["VpcConfig"] = vpc_config
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Network": {"Type": "String", "Default": "off"}},
        "Conditions": {"HasNetwork": {"Fn::Equals": [{"Ref": "Network"}, "on"]}},
        "Resources": {"One": {"Type": "AWS::Serverless::Function", "Properties": function}},
    }
    made = transform(template, {}, NoPolicies(), feature_toggle=None, passthrough_metadata=False)
    named = made["Resources"]["OneRole"]["Properties"]["ManagedPolicyArns"]
    return sorted(str(each).rpartition("/")[2].rstrip("'}") for each in named)


place = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
without = policies_with(None)
left_out = policies_with({"Fn::If": ["HasNetwork", place, {"Ref": "AWS::NoValue"}]})
print("aws-sam-translator", version("aws-sam-translator"), "without VpcConfig:", without, "with one that is NoValue:", left_out)
assert without == ["AWSLambdaBasicExecutionRole"]
assert left_out == ["AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"]
EOF
