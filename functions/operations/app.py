"""Placeholder until the kernel's app class lands."""
def app(event, context):
    print("{}")
    return {"statusCode": 200, "headers": {}, "body": '{"status":"ok","version":"0.1.0"}'}
