"""Data contracts in the Open Data Contract Standard, version 3."""

from stellwerk.protocols.odcs.contract import Contract, Property, Quality, parse_contract

__all__ = ["Contract", "Property", "Quality", "parse_contract"]
