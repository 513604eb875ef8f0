/// The state of a running `for`, which templates see as `loop`.
final class LoopState {
    /// The definition and scope, for `loop(…)` in recursive loops.
    let loop: Statement.Loop
    /// Nil once the loop has ended, so that loops kept in variables do not hold each other.
    private(set) var scope: TemplateScope?
    /// How many recursive loops run around it.
    let depth: Int
    /// The elements: all of them, or those taken so far out of a generator.
    private var elements: [TemplateValue]
    private var source: (() throws -> TemplateValue?)?
    /// How deep containers are nested in the elements.
    let valueDepth: Int
    private(set) var index = -1
    fileprivate var lastChanged: [TemplateValue]?

    init(
        _ loop: Statement.Loop, _ scope: TemplateScope, over values: TemplateValue, depth: Int,
        elements: [TemplateValue], source: (() throws -> TemplateValue?)?
    ) {
        (self.loop, self.scope, self.depth, valueDepth) = (loop, scope, depth, values.depth)
        (self.elements, self.source) = (elements, source)
    }

    func end() { (scope, source) = (nil, nil) }

    /// Whether there is an element at an index; takes it out of the generator if needed.
    private func hasElement(at index: Int) throws -> Bool {
        while elements.count <= index {
            guard let element = try source?() else { return false }
            elements.append(element)
        }
        return true
    }

    func advance() throws -> TemplateValue? {
        guard try hasElement(at: index + 1) else { return nil }
        index += 1
        return elements[index]
    }

    private func length() throws -> Int {
        while try hasElement(at: elements.count) {}
        return elements.count
    }

    /// The value of `loop.name`; nil if there is none.
    func attribute(_ name: String) throws -> TemplateValue? {
        switch name {
        case "index": .integer(index + 1)
        case "index0": .integer(index)
        case "revindex": .integer(try length() - index)
        case "revindex0": .integer(try length() - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(try !hasElement(at: index + 1))
        case "length": .integer(try length())
        case "depth": .integer(depth + 1)
        case "depth0": .integer(depth)
        case "previtem": index > 0 ? elements[index - 1] : .undefined(.hint("there is no previous item"))
        case "nextitem":
            try hasElement(at: index + 1) ? elements[index + 1] : .undefined(.hint("there is no next item"))
        case "cycle", "changed": .method(TemplateValue.BoundMethod(.loop(self), name))
        default: nil
        }
    }

    /// `loop.changed(…)`.
    func changed(_ values: [TemplateValue]) -> Bool {
        if let last = lastChanged, last.count == values.count, zip(last, values).allSatisfy(TemplateValue.areEqual) {
            return false
        }
        lastChanged = values
        return true
    }
}

extension TemplateInterpreter {
    func run(_ loop: Statement.Loop, _ scope: TemplateScope) throws {
        try run(loop, over: try evaluate(loop.iterable, scope), scope, depth: 0)
    }

    /// `loop(values)` in a recursive loop.
    func recurse(_ state: LoopState, _ values: TemplateValue) throws -> TemplateValue {
        guard state.loop.isRecursive else {
            throw TemplateFault.failed("the loop must have the 'recursive' marker to be called recursively")
        }
        guard let scope = state.scope else { throw TemplateFault.unsupported("a call of a loop that has ended") }
        try budget.enter()
        defer { budget.leave() }
        return .text(try capture { try run(state.loop, over: values, scope, depth: state.depth + 1) })
    }

    private func run(
        _ loop: Statement.Loop, over values: TemplateValue, _ scope: TemplateScope, depth: Int
    ) throws {
        var elements: [TemplateValue] = []
        var source: (() throws -> TemplateValue?)?
        if loop.filter == nil, let all = try knownElements(of: values) {
            elements = all
        } else {
            let next = try iterator(over: values)
            source = { [self] in
                while let element = try next() {
                    guard let filter = loop.filter else { return element }
                    let inner = try makeScope(scope)
                    try assign(loop.target, element, inner)
                    if try evaluate(filter, inner).isTrue { return element }
                }
                return nil
            }
        }
        let state = LoopState(loop, scope, over: values, depth: depth, elements: elements, source: source)
        defer { state.end() }
        // As in Jinja, `else` runs unless the end of the body was reached once.
        var reachedEnd = false
        while let element = try state.advance() {
            let inner = try makeScope(scope)
            inner.variables["loop"] = .loop(state)
            try assign(loop.target, element, inner)
            let completion = try run(loop.body, inner)
            if completion == .break { break }
            if completion == .normal { reachedEnd = true }
        }
        if !reachedEnd, !loop.otherwise.isEmpty { _ = try run(loop.otherwise, try makeScope(scope)) }
    }

    // MARK: Iteration

    /// The elements that a value holds; nil for generators.
    func knownElements(of value: TemplateValue) throws -> [TemplateValue]? {
        switch value {
        case .list(let elements), .tuple(let elements): return elements.values
        case .undefined: return []
        case .text(let text):
            try budget.allocate(elements: text.count)
            var result: [TemplateValue] = []
            var position = 0
            while position < text.bytes.count {
                let next = text.position(after: position)
                result.append(.text(text.slice(position..<next)))
                position = next
            }
            return result
        case .dictionary(let dictionary): return dictionary.keys
        case .view(let view):
            try budget.allocate(elements: view.dictionary.count)
            return (0..<view.dictionary.count).map(view.element)
        case .range(let range):
            try budget.allocate(elements: range.count)
            return (0..<range.count).map { .integer(range.element(at: $0)) }
        case .generator: return nil
        default: throw TemplateFault.failed("'\(value.typeName)' object is not iterable")
        }
    }

    /// All elements, those of generators taken out.
    func elements(of value: TemplateValue) throws -> [TemplateValue] {
        if let elements = try knownElements(of: value) { return elements }
        var result: [TemplateValue] = []
        let next = try iterator(over: value)
        while let element = try next() {
            try budget.allocate(elements: 1)
            result.append(element)
        }
        return result
    }

    /// The elements one by one.
    func iterator(over value: TemplateValue) throws -> () throws -> TemplateValue? {
        if case .generator(let generator) = value { return { try generator.next() } }
        var iterator = (try knownElements(of: value) ?? []).makeIterator()
        return { iterator.next() }
    }
}
