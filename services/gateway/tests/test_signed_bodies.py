"""What is signed over its very bytes passes as it came, from whoever sent it."""

WEBHOOK = "/api/v1/stripe/webhook"
BODY = b'{\n  "id": "evt_1",\t"amount": 1.50\r\n}\xc3\xa9'
SIGNATURE = "t=1,v1=ab,v1=cd"
MEBIBYTE = 1024 * 1024


async def test_the_bytes_and_the_signature_of_a_webhook_arrive_untouched(world):
    got = await world.ask("POST", WEBHOOK, data=BODY, stripe_signature=SIGNATURE)

    [seen] = world.service.asked(WEBHOOK)
    assert got.status == 200
    assert seen.body == BODY
    assert dict(seen.headers)["stripe-signature"] == SIGNATURE
    assert seen.caller is None


async def test_a_webhook_has_at_most_a_mebibyte(world):
    async def pieces(size):
        yield b"x" * size

    assert (await world.ask("POST", WEBHOOK, data=pieces(MEBIBYTE))).status == 200
    assert (await world.ask("POST", WEBHOOK, data=pieces(MEBIBYTE + 1))).code == "body_too_large"
