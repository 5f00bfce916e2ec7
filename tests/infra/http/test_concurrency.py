import asyncio

import httpx
from fastapi import FastAPI

LENDER = {"Authorization": "Bearer lender"}


def test_many_requests_at_once_all_end_well(app: FastAPI) -> None:
    async def run() -> list[int]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=LENDER) as client:
            writes = [client.post("/api/v1/things/bolt", json={"name": f"n{number}"}) for number in range(80)]
            reads = [client.get("/api/v1/things") for _ in range(120)]
            return [answer.status_code for answer in await asyncio.gather(*writes, *reads)]

    assert asyncio.run(asyncio.wait_for(run(), 60)) == [200] * 200
    assert len(app.state.committed) == 80
