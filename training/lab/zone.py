"""The lab's own DNS: a small authoritative server for example domains, and for nothing else."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

PORT = 53
_TTL_S = 60
_SOA = "ns.example.com. hostmaster.example.com. 1 3600 600 86400 60"
Failure = Literal["servfail", "refused", "silent"]


@dataclass(slots=True)
class Zone:
    """Names and their records, as text; a name that isn't here doesn't exist (NXDOMAIN).

    `failures` are names, with all below them, for which the server fails: an error, or no answer at all.
    """

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    def add(self, name: str, kind: str, *values: str) -> None:
        """Records of one kind (`MX`, `A`, `TXT`), values as in a zone file; none makes the name exist without."""
        self.records.setdefault((name.lower().rstrip("."), kind), []).extend(values)

    def add_host(self, name: str, address: str) -> None:
        """A host's address, and the name of that address."""
        self.add(name, "A", address)
        self.add(str(dns.reversename.from_address(address)), "PTR", f"{name}.")

    def add_mail(self, domain: str, host: str, address: str) -> None:
        """A domain whose mail goes to `host` at `address`."""
        self.add(domain, "MX", f"10 {host}.")
        if (host, "A") not in self.records:
            self.add_host(host, address)


def answer(zone: Zone, query: bytes) -> bytes | None:
    """The answer to a query in wire format, None where there shall be none."""
    try:
        asked = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return None
    if not asked.question:
        return None
    question = asked.question[0]
    name = str(question.name).lower().rstrip(".")
    response = dns.message.make_response(asked)
    response.flags |= dns.flags.AA | dns.flags.RA
    parents = {name.split(".", n)[-1] for n in range(name.count(".") + 1)}
    for broken, failure in zone.failures.items():
        if broken in parents:
            if failure == "silent":
                return None
            response.set_rcode(dns.rcode.SERVFAIL if failure == "servfail" else dns.rcode.REFUSED)
            return response.to_wire()
    _fill(response, name=name, kind=dns.rdatatype.to_text(question.rdtype), zone=zone)
    return response.to_wire()


def _fill(response: dns.message.Message, *, name: str, kind: str, zone: Zone) -> None:
    for _ in range(8):  # a chain of CNAMEs
        found = zone.records.get((name, kind))
        alias = zone.records.get((name, "CNAME"))
        if found:
            response.answer.append(dns.rrset.from_text_list(f"{name}.", _TTL_S, "IN", kind, found))
            return
        if not alias:
            break
        response.answer.append(dns.rrset.from_text_list(f"{name}.", _TTL_S, "IN", "CNAME", alias))
        name = alias[0].rstrip(".").lower()
    if not any(known == name or known.endswith(f".{name}") for known, _ in zone.records):
        response.set_rcode(dns.rcode.NXDOMAIN)
    parent = ".".join(name.split(".")[-2:])
    response.authority.append(dns.rrset.from_text(f"{parent}.", _TTL_S, "IN", "SOA", _SOA))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own transport for datagrams doesn't derive from the class of that name.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.transport is not None and (response := answer(self.zone, data)) is not None:
            self.transport.sendto(response, addr)


async def serve_zone(zone: Zone, *, address: str) -> None:
    """Answer queries by UDP and TCP until the process ends."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Udp(zone), local_addr=(address, PORT))

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            if (response := answer(zone, await reader.readexactly(size))) is not None:
                writer.write(len(response).to_bytes(2, "big") + response)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    await asyncio.start_server(by_tcp, address, PORT)
