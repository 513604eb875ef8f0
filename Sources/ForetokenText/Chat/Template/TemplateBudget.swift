/// The bounds of one rendering.
public struct ChatTemplateLimits: Sendable {
    /// The operations: nodes of the template evaluated, and 32 bytes searched or compared each.
    public var steps = 10_000_000
    /// The bytes of all values made on the way, kept or not.
    public var memory = 1 << 30
    /// The bytes of the rendered text.
    public var output = 1 << 28
    /// How deep macros, blocks and brackets may be entered within each other, 400 at most.
    public var depth = 400

    /// The defaults: far more than any chat template takes.
    public init() {}
}

/// What is left of the bounds of a rendering.
final class TemplateBudget {
    private let limits: ChatTemplateLimits
    private var steps: Int
    private var memory: Int
    private var depth = 0

    init(_ limits: ChatTemplateLimits) {
        self.limits = limits
        (steps, memory) = (limits.steps, limits.memory)
    }

    func step() throws {
        steps -= 1
        if steps < 0 { throw TemplateFault.limit("it took more than \(limits.steps) steps") }
    }

    /// Before reading this many bytes or elements.
    func read(_ count: Int) throws {
        steps -= count >> 5
        if steps < 0 { throw TemplateFault.limit("it took more than \(limits.steps) steps") }
    }

    /// Before making this many bytes.
    func allocate(_ count: Int) throws {
        guard count <= memory, count < .max else {
            throw TemplateFault.limit("its values took more than \(limits.memory) bytes of memory")
        }
        memory -= count
    }

    /// Before making this many elements.
    func allocate(elements: Int) throws {
        guard elements < limits.memory >> 7 else { return try allocate(.max) }
        try allocate(128 + 128 * elements)
    }

    func checkOutput(_ count: Int) throws {
        guard count <= limits.output else {
            throw TemplateFault.limit("the text is longer than \(limits.output) bytes")
        }
    }

    /// Refuses containers that are nested too deep to print, compare or release.
    func check(_ value: TemplateValue) throws -> TemplateValue {
        guard value.depth <= 100 else { throw TemplateFault.limit("a value is nested deeper than 100 levels") }
        return value
    }

    func enter() throws {
        depth += 1
        if depth > min(limits.depth, 400) {
            throw TemplateFault.limit("macros and blocks are entered deeper than \(limits.depth) levels")
        }
    }

    func leave() { depth -= 1 }
}
