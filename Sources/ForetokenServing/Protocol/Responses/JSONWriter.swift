package import ForetokenFiles

/// Writes JSON text without building a tree; for responses that are written once per token.
///
/// Doubles are written as the shortest text that reads back as the same double.
package struct JSONWriter: Sendable {
    /// The text so far.
    package private(set) var text = ""
    /// Whether a comma comes before the next value.
    private var follows = false

    package init() { text.reserveCapacity(256) }

    /// The text of an object.
    package static func object(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        writer.nest("{", "}", body)
        return writer.text
    }

    // MARK: Keys with values

    /// A key with a string; nil is `null`.
    package mutating func string(_ key: StaticString, _ value: String?) {
        self.key(key)
        guard let value else { return append("null") }
        self.string(value)
    }

    /// A key with an integer; nil is `null`.
    package mutating func integer(_ key: StaticString, _ value: Int?) {
        self.key(key)
        append(value.map(String.init) ?? "null")
    }

    /// A key with a number; nil, NaN and infinity are `null`.
    package mutating func number(_ key: StaticString, _ value: Double?) {
        self.key(key)
        append(value.flatMap { $0.isFinite ? $0.description : nil } ?? "null")
    }

    /// A key with a boolean.
    package mutating func bool(_ key: StaticString, _ value: Bool) {
        self.key(key)
        append(value ? "true" : "false")
    }

    /// A key with `null`.
    package mutating func null(_ key: StaticString) {
        self.key(key)
        append("null")
    }

    /// A key with an object.
    package mutating func object(_ key: StaticString, _ body: (inout JSONWriter) -> Void) {
        self.key(key)
        nest("{", "}", body)
    }

    /// A key with an array of one value per element.
    package mutating func array<Elements: Sequence>(
        _ key: StaticString, _ elements: Elements, _ body: (inout JSONWriter, Elements.Element) -> Void
    ) {
        self.key(key)
        nest("[", "]") { for element in elements { body(&$0, element) } }
    }

    /// A key with a value.
    package mutating func value(_ key: StaticString, _ value: JSONValue) {
        self.key(key)
        // Only NaN and infinity cannot be written.
        append((try? value.text()) ?? "null")
    }

    // MARK: Values

    /// A key that is data; its value is written next.
    package mutating func key(_ name: String) {
        string(name)
        text += ":"
        follows = false
    }

    /// A string.
    package mutating func string(_ value: String) {
        separate()
        JSONValue.append(value, to: &text)
    }

    /// An integer.
    package mutating func integer(_ value: Int) { append(String(value)) }

    /// A number; NaN and infinity are `null`.
    package mutating func number(_ value: Double) { append(value.isFinite ? value.description : "null") }

    /// `null`.
    package mutating func null() { append("null") }

    /// An object.
    package mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }

    /// An array.
    package mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

    /// A part of an object that was written before: keys with their values, without braces.
    mutating func raw(_ fragment: String) { append(fragment) }

    // MARK: Structure

    private mutating func key(_ key: StaticString) {
        separate()
        text += "\""
        text += key.description
        text += "\":"
        follows = false
    }

    private mutating func nest(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        separate()
        text += open
        follows = false
        body(&self)
        text += close
        follows = true
    }

    private mutating func append(_ value: String) {
        separate()
        text += value
    }

    private mutating func separate() {
        if follows { text += "," }
        follows = true
    }
}
