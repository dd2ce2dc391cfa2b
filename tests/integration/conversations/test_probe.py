from tests import tools
from tests.helpers import someone
import pytest
def test_it(cloud):
    from conversations import service, members, sync
    from kernel.config import config
    a,b=tools.caller("ada"),tools.caller("bob")
    c,new=service.create(caller=a,kind="group",member_ids=[b.user_id],name="x",description=None,settings={})
    print(c)
    print(tools.jobs())
    from messages import service as ms
    from messages.schemas import MessageFields
    m,_=ms.send(caller=a,conversation_id=c["id"],message=MessageFields(client_id="1",text="hi").message())
    print(m)
    ms.react(caller=a,conversation_id=c["id"],message_id=m["id"],emoji="😀",added=True)
    print(ms.get(caller=a,conversation_id=c["id"],message_id=m["id"]))
    with tools.captured_lines() as l:
        service.end(caller=a,conversation_id=c["id"])
    print(l.text)
    print(tools.rows("reactions"))
