"""One end of the pipe between the program and its tests. Each side asks the other for calls, attributes and operators of the
objects that it has been given; plain data is copied.

The tests' side trusts nothing it receives. It takes an answer once: what a conversion, a comparison, an attribute or an iteration
of the program's object gave stays so until the tests call the program again, and the program is never asked to compare one of its
objects with the tests' data. The program's side reaches of the tests' objects only what the tests gave it.
"""
import types
from _thread import RLock

END = object()


class Invalid(Exception):
    """A message that the other side cannot have meant."""


class Exchange:
    def __init__(self, send, receive, serves_program):
        self.send, self.receive, self.is_trusted = send, receive, serves_program
        self.ours, self.our_numbers = [], {}
        self.theirs, self.their_numbers, self.described, self.ended = {}, {}, set(), set()
        self.answers, self.depth = {}, 0
        self.operations = {}
        self.lock = RLock()

    # Ours: objects of this side that the other side knows by number.

    def export(self, x):
        number = self.our_numbers.get(id(x))
        if number is None:
            number = self.our_numbers[id(x)] = len(self.ours)
            self.ours.append(x)
        return number

    def own(self, number):
        if type(number) is not int or not 0 <= number < len(self.ours): raise Invalid("unknown object")
        return self.ours[number]

    def is_theirs(self, x):
        return id(x) in self.their_numbers

    def register(self, number, x):
        self.theirs[number] = x
        self.their_numbers[id(x)] = number
        return x

    # Values.

    def encode(self, x, shared=None):
        t = type(x)
        if x is None or t is bool or t is str or t is float: return x
        if t is list or t is dict or t is set or t is bytearray:
            number = None if shared is None else shared.number(x)
            if number is not None: return {"r": number}
            return encode_container(x, lambda y: self.encode(y, shared))
        if t is tuple or t is frozenset: return encode_container(x, lambda y: self.encode(y, shared))
        if id(x) in self.their_numbers: return {"y": self.their_numbers[id(x)]}
        found = encode_scalar(x, t, lambda y: self.encode(y, shared))
        if found is not None: return found
        if isinstance(x, type): return self.encode_class(x)
        if isinstance(x, BaseException): return self.encode_exception(x)
        base = data_base(t)
        if base is not None: return {"h": [self.export(x), self.describe(t), self.encode(plain(x, base), shared)]}
        if self.is_trusted:
            found = encode_by_name(x, t, lambda y: self.encode(y, shared))
            if found is not None: return found
        return {"h": [self.export(x), self.describe(t)]}

    def decode(self, x, shared=None):
        if type(x) is not dict: return x
        (tag, v), = x.items()
        if tag in CONTAINER_TAGS:
            add = shared.add if shared is not None and shared.is_open else lambda y: y
            return decode_container(tag, v, lambda y: self.decode(y, shared), add)
        if tag == "r": return shared.items[v]
        if tag == "y": return self.own(v)
        if tag == "k" or tag == "g": return self.decode_class(tag, v)
        if tag == "h": return self.decode_object(v, shared)
        if tag == "x": return self.decode_exception(v)
        if not self.is_trusted and tag in ("named", "module", "partial", "pickle"):
            return decode_by_name(tag, v, lambda y: self.decode(y, shared))
        return decode_scalar(tag, v, lambda y: self.decode(y, shared))

    def encode_class(self, cls):
        if id(cls) in self.their_numbers: return {"y": self.their_numbers[id(cls)]}
        if is_shared_class(cls) or self.is_trusted and is_named(cls): return {"g": [cls.__module__, cls.__qualname__]}
        return self.describe(cls)

    def describe(self, cls):
        if id(cls) in self.their_numbers: return {"y": self.their_numbers[id(cls)]}
        number = self.export(cls)
        if number in self.described: return {"k": [number]}
        self.described.add(number)
        bases = [self.encode_class(base) for base in cls.__bases__ if base is not object]
        return {"k": [number, str(cls.__module__), cls.__qualname__, bases, special_methods(cls)]}

    def decode_class(self, tag, v):
        if tag == "g":
            cls = find_class(*v, imports=not self.is_trusted)
            if self.is_trusted and not is_shared_class(cls): raise Invalid("a class that is not shared")
            return cls
        if len(v) == 1: return self.theirs[v[0]]
        number, module, qualname, bases, specials = v
        bases = [self.decode(base) for base in bases]
        bases = tuple([base for base in bases if type(base) is StandIn or base in DATA or issubclass(base, BaseException)])
        if type(number) is not int or number in self.theirs: raise Invalid("a class described twice")
        return self.register(number, library_exception(module, qualname) or stand_in_class(module, qualname, bases, specials))

    def decode_object(self, v, shared):
        number, cls = v[0], self.decode(v[1])
        base = data_base(cls)
        # Read in any case, since both sides count the containers in it.
        data = None if base is None else self.decode(v[2], shared)
        found = self.theirs.get(number)
        if found is not None and (base is None or base in IMMUTABLE): return found
        if type(number) is not int or type(cls) is not StandIn: raise Invalid("an object without a class")
        if base is None: return self.register(number, object.__new__(cls))
        data = plain(data, base)
        x = base.__new__(cls, data) if base in IMMUTABLE else base.__new__(cls)
        if base not in IMMUTABLE: base.__init__(x, data)
        return self.register(number, x)

    def encode_exception(self, error):
        def text():
            try:
                return str(error)[:2000]
            except Exception:
                return ""

        attributes = {k: v for k, v in getattr(error, "__dict__", {}).items() if isinstance(k, str) and k != "\0text"}
        return {"x": [self.export(error), self.encode_class(type(error)), self.encode(error.args), self.encode(attributes), text()]}

    def decode_exception(self, v):
        number, cls, args, attributes, text = v[0], self.decode(v[1]), self.decode(v[2]), self.decode(v[3]), v[4]
        if number in self.theirs: return self.theirs[number]
        if type(number) is not int or not issubclass(cls, BaseException): raise Invalid("an exception that is none")
        try:
            error = cls.__new__(cls, *args) if type(cls) is StandIn else cls(*args)
        except Exception:
            error = BaseException.__new__(cls)
        error.args = args
        error.__dict__.update(attributes)
        if type(cls) is StandIn: error.__dict__["\0text"] = str(text)
        return self.register(number, error)

    # Questions to the other side.

    def ask(self, *question):
        """The decoded reply: a value, and the new contents of containers among the arguments."""
        with self.lock:
            # Cut off before a message is sent: an error in the middle of an exchange would leave the two sides out of step.
            if self.depth > 100: raise RecursionError("maximum recursion depth exceeded")
            self.depth += 1
            try:
                self.send(["ask", *question])
                while True:
                    message = self.receive()
                    if message[0] != "ask": return message
                    self.send(self.serve(message[1:]))
            finally:
                self.depth -= 1

    def result(self, message, shared=None):
        kind, value, changes = self.checked(lambda: self.read(message, shared))
        for number, contents in changes: refill(shared.items[number], contents)
        if kind == "value": return value
        # These would end the tests, or a loop of theirs, as if all were well.
        if self.is_trusted and (not isinstance(value, Exception) or isinstance(value, (StopIteration, StopAsyncIteration))):
            self.refuse(value)
        raise value

    def read(self, message, shared):
        kind, value, changes = message
        if kind not in ("value", "raise"): raise Invalid("no reply")
        changes = [(number, self.decode(contents, shared)) for number, contents in changes]
        for number, contents in changes:
            if type(contents) is not type(shared.items[number]): raise Invalid("another container")
        value = END if kind == "value" and value == {"q": "END"} else self.decode(value, shared)
        if kind == "raise" and not isinstance(value, BaseException): raise Invalid("no exception")
        return kind, value, changes

    def call(self, target, args, kwargs):
        self.answers.clear()
        shared = Shared()
        encoded = self.encode(target), self.encode(args, shared), self.encode(kwargs, shared)
        shared.is_open = False
        return self.result(self.ask("call", *encoded), shared)

    def change(self, kind, target, name, *value):
        self.answers.clear()
        self.result(self.ask(kind, self.encode(target), name, *[self.encode(x) for x in value]))

    def get(self, target, name): return self.frozen("get", self.encode(target), name)

    def operate(self, name, operands):
        if self.is_trusted and (name in COMPARISONS or name in ARITHMETIC):
            # The program is not told what the tests compare its objects with.
            if not all(self.is_theirs(x) for x in operands): return NotImplemented
        if name in CHANGES: self.answers.clear()
        encoded = [self.encode(x) for x in operands]
        if name in CHANGES or not self.is_trusted: return self.result(self.ask("operate", name, *encoded))
        return self.frozen("operate", name, *encoded)

    def frozen(self, *question):
        """The answer to a question that does not change the program; the same until the tests call it again."""
        if not self.is_trusted: return self.result(self.ask(*question))
        key = json.dumps(question)
        if key not in self.answers:
            try:
                answer = True, self.result(self.ask(*question))
            except Exception as error:
                answer = False, error
            self.answers[key] = answer
        is_value, answer = self.answers[key]
        if is_value: return answer
        raise answer

    def contains(self, target, x):
        if not self.is_trusted or self.is_theirs(x): return self.operate("__contains__", (target, x))
        return any(x is y or x == y for y in self.iterate(target))

    def iterate(self, target):
        if hasattr(type(target), "__next__"): return target
        iterator = self.operate("__iter__", (target,))
        if not self.is_trusted or not self.is_theirs(iterator): return iter(iterator)
        # Every loop over the object meets the same elements.
        found = self.answers.setdefault(("elements", id(iterator)), [])
        return self.replay(iterator, found)

    def replay(self, iterator, found):
        index = 0
        while True:
            if index == len(found): found.append(self.pull(iterator))
            if found[index] is END: return
            yield found[index]
            index += 1

    def pull(self, iterator):
        if id(iterator) in self.ended: return END
        value = self.result(self.ask("next", self.encode(iterator)))
        if value is END: self.ended.add(id(iterator))
        return value

    def next(self, iterator):
        self.answers.clear()
        value = self.pull(iterator)
        if value is END: raise StopIteration
        return value

    # Answers to the other side.

    def serve(self, question):
        """The reply to a question."""
        described = set(self.described)
        shared, before = Shared(), []
        try:
            kind, *rest = question
            if kind in self.operations:
                value = self.operations[kind](*rest)
            elif kind == "call":
                target, args, kwargs = [self.checked(lambda: self.decode(x, shared)) for x in rest]
                shared.is_open = False
                before = [elements(x) for x in shared.items]
                if self.is_trusted: require_exported(self, target)
                value = target(*args, **kwargs)
            else:
                value = self.answer(kind, rest)
            reply = ["value", {"q": "END"} if value is END else self.encode(value, shared)]
        except BaseException as error:
            if self.is_trusted and isinstance(error, Invalid): self.refuse(error)
            reply = ["raise", self.encode_error(error, described)]
        try:
            changes = [
                [i, encode_container(x, lambda y: self.encode(y, shared))]
                for i, (x, old) in enumerate(zip(shared.items, before)) if is_changed(x, old)
            ]
        except BaseException as error:
            changes, reply = [], ["raise", self.encode_error(error, described)]
        return [*reply, changes]

    def encode_error(self, error, described):
        # What was described in a reply that is not sent is unknown to the other side.
        self.described = described
        try:
            return self.encode_exception(error)
        except Exception:
            self.described = described
            return self.encode_exception(RuntimeError(type(error).__name__))

    def answer(self, kind, rest):
        if kind == "operate":
            name, operands = rest[0], [self.checked(lambda: self.decode(x)) for x in rest[1:]]
            if self.is_trusted and not any(is_exported(self, x) for x in operands): raise Invalid("no object of the tests")
            return OPERATIONS[name](*operands)
        target = self.decode(rest[0])
        if self.is_trusted: require_exported(self, target)
        if kind == "next":
            try:
                return next(target)
            except StopIteration:
                return END
        if self.is_trusted: require_attribute(target, rest[1])
        if kind == "get": return getattr(target, rest[1])
        if kind == "set": return setattr(target, rest[1], self.decode(rest[2]))
        if kind == "delete": return delattr(target, rest[1])
        raise Invalid("unknown question")
