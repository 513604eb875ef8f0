"""Plain data as JSON: an object with one key, which is a tag, stands for what JSON lacks.

Plain data crosses by value and exactly: the receiver's copy has the same type and answers to nobody else.
"""
import builtins, operator

CONSTANTS = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}
DATA = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
IMMUTABLE = (int, float, complex, str, bytes, tuple, frozenset)
JSON_TYPES = {str, float, bool, type(None)}
CONTAINER_TAGS = {"l", "t", "d", "s", "f", "B"}
VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


class Shared:
    """The mutable containers among the arguments of a call, in the order in which they are written.

    Both sides number them alike, so that the callee's changes and the identity of what it returns reach the caller.
    """

    def __init__(self):
        self.items, self.numbers, self.is_open = [], {}, True

    def number(self, x):
        """The number of a container seen before; None, and numbered from now on, for one of an argument."""
        found = self.numbers.get(id(x))
        if found is None and self.is_open:
            self.add(x)
        return found

    def add(self, x):
        self.numbers[id(x)] = len(self.items)
        self.items.append(x)
        return x


def elements(x):
    """What a container holds, to compare with later."""
    return [*x.keys(), *x.values()] if isinstance(x, dict) else list(x)


def is_changed(x, old):
    new = elements(x)
    return len(new) != len(old) or not all(map(operator.is_, new, old))


def is_json(xs):
    """Whether all elements are what JSON has; a short cut, since most lists are long or of one type."""
    kinds = set(map(type, xs))
    return kinds <= JSON_TYPES or kinds == {int} and -2**63 <= min(xs) and max(xs) < 2**63


def encode_container(x, encode):
    """The contents of an object whose type is exactly that of a container."""
    t = type(x)
    if t is list or t is tuple: return {"l" if t is list else "t": list(x) if is_json(x) else [encode(y) for y in x]}
    if t is dict: return {"d": [[encode(k), encode(v)] for k, v in x.items()]}
    if t is set: return {"s": [encode(y) for y in x]}
    if t is frozenset: return {"f": [encode(y) for y in x]}
    return {"B": x.hex()}


def decode_container(tag, v, decode, add):
    """`add` is called with a mutable container before its elements are read."""
    if tag == "t": return tuple(v if is_json(v) else [decode(y) for y in v])
    if tag == "f": return frozenset([decode(y) for y in v])
    x = add({"l": list, "d": dict, "s": set, "B": bytearray}[tag]())
    if tag == "l": x.extend(v if is_json(v) else [decode(y) for y in v])
    elif tag == "d": x.update([(decode(k), decode(y)) for k, y in v])
    elif tag == "s": x.update([decode(y) for y in v])
    else: x.extend(bytes.fromhex(v))
    return x


def refill(x, other):
    """Gives a mutable container the contents of another one of its type."""
    if type(x) is not type(other): raise ValueError
    if isinstance(x, (list, bytearray)):
        x[:] = other
    else:
        x.clear()
        x.update(other)


def encode_scalar(x, t, encode):
    """Immutable data of the builtins and of the standard library that is no container; None for all else."""
    if t is int: return x if -2**63 <= x < 2**63 else {"i": hex(x)}
    if t is complex: return {"c": [x.real, x.imag]}
    if t is bytes: return {"b": x.hex()}
    if t is range or t is slice: return {t.__name__: [encode(x.start), encode(x.stop), encode(x.step)]}
    for name, value in CONSTANTS.items():
        if x is value: return {"q": name}
    if t in VIEWS: return {VIEWS[t]: [encode(y) for y in x]}
    return encode_library_data(x, t, encode)


def decode_scalar(tag, v, decode):
    if tag == "i": return int(v, 16)
    if tag == "c": return complex(*v)
    if tag == "b": return bytes.fromhex(v)
    if tag in ("range", "slice"): return {"range": range, "slice": slice}[tag](*[decode(y) for y in v])
    if tag == "q": return CONSTANTS[v]
    if tag == "keys": return dict.fromkeys([decode(y) for y in v]).keys()
    if tag == "values": return dict(enumerate([decode(y) for y in v])).values()
    if tag == "items": return dict([decode(y) for y in v]).items()
    return decode_library_data(tag, v, decode)


def encode_library_data(x, t, encode):
    """Data of `collections`, `decimal`, `fractions`, `datetime` and NumPy."""
    module, name = t.__module__, t.__name__
    if getattr(sys.modules.get(module), name, None) is not t:
        return encode_numpy(x, t, encode) if module == "numpy" else None
    if module == "collections":
        if name in ("OrderedDict", "Counter"): return {name: [[encode(k), encode(v)] for k, v in x.items()]}
        if name == "defaultdict":
            return {name: [encode(x.default_factory), [[encode(k), encode(v)] for k, v in x.items()]]}
        if name == "deque": return {name: [x.maxlen, [encode(y) for y in x]]}
    if module == "decimal" and name == "Decimal": return {name: str(x)}
    if module == "fractions" and name == "Fraction": return {name: [encode(x.numerator), encode(x.denominator)]}
    if module == "datetime" and name in ("date", "time", "datetime", "timedelta", "timezone"):
        return {"datetime": [name, [encode(y) for y in x.__reduce__()[1]]]}
    return encode_numpy(x, t, encode) if module == "numpy" else None


def decode_library_data(tag, v, decode):
    if tag in ("OrderedDict", "Counter", "defaultdict", "deque"):
        import collections

        if tag == "deque": return collections.deque([decode(y) for y in v[1]], v[0])
        pairs = [(decode(k), decode(y)) for k, y in (v[1] if tag == "defaultdict" else v)]
        if tag == "defaultdict": return collections.defaultdict(decode(v[0]), pairs)
        x = getattr(collections, tag)()
        dict.update(x, pairs) if tag == "Counter" else x.update(pairs)
        return x
    if tag == "Decimal":
        import decimal

        return decimal.Decimal(v)
    if tag == "Fraction":
        import fractions

        return fractions.Fraction(decode(v[0]), decode(v[1]))
    if tag == "datetime":
        import datetime

        if v[0] not in ("date", "time", "datetime", "timedelta", "timezone"): raise ValueError
        return getattr(datetime, v[0])(*[decode(y) for y in v[1]])
    return decode_numpy(tag, v, decode)


def encode_numpy(x, t, encode):
    import numpy

    if t is not numpy.ndarray and not isinstance(x, numpy.generic) or x.dtype.kind not in "biufcmMSUO": return None
    if x.dtype.kind == "O": return {"objects": [list(x.shape), [encode(y) for y in x.ravel()]]}
    return {"array": [x.dtype.str, list(x.shape) if t is numpy.ndarray else None, x.tobytes().hex()]}


def decode_numpy(tag, v, decode):
    if tag not in ("array", "objects"): raise ValueError
    import numpy

    if tag == "objects":
        x = numpy.empty(len(v[1]), dtype=object)
        for i, y in enumerate(v[1]): x[i] = decode(y)
        return x.reshape(v[0])
    if numpy.dtype(v[0]).kind not in "biufcmMSU": raise ValueError
    x = numpy.frombuffer(bytearray.fromhex(v[2]), dtype=v[0])
    return x.reshape(v[1]) if v[1] is not None else x[0]
