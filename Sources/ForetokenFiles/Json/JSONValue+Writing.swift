public import ForetokenPlatform

extension JSONValue {
    /// The layout of JSON text.
    public enum Layout: Sendable {
        /// One line without spaces.
        case compact
        /// One key or element per line, indented by two spaces per level, like Python's `json.dumps(indent=2)`.
        case pretty
    }

    /// The value as JSON text; parsing it gives an equal value, with bitwise equal doubles.
    ///
    /// - Throws: ``JSONError/notFinite(path:value:)`` for NaN and infinity, which JSON cannot represent; use ``finite(_:)`` to
    ///   write them as `null`.
    public func text(_ layout: Layout = .compact) throws -> String {
        var text = ""
        try append(to: &text, layout: layout, indentation: 0, path: "")
        return text
    }

    /// Writes the value atomically (temporary name, sync, rename) as a text file with a final newline.
    ///
    /// - Throws: ``JSONError``.
    public func write(to url: URL, _ layout: Layout = .pretty) throws {
        let text = try text(layout) + "\n"
        do throws(FileFailure) {
            let writer = try AtomicFileWriter(destination: url)
            try writer.append(text)
            try writer.commit()
        } catch {
            throw JSONError.cannotWrite(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }

    private func append(to text: inout String, layout: Layout, indentation: Int, path: String) throws {
        func newLine(_ level: Int) {
            guard layout == .pretty else { return }
            text += "\n"
            text += String(repeating: "  ", count: level)
        }
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value):
            guard value.isFinite else { throw JSONError.notFinite(path: path, value: value.description) }
            // Swift's description is the shortest text that reads back as the same double, always valid JSON.
            text += value.description
        case .string(let value): Self.append(value, to: &text)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                text += index == 0 ? "" : ","
                newLine(indentation + 1)
                try element.append(
                    to: &text, layout: layout, indentation: indentation + 1, path: "\(path)[\(index)]")
            }
            if !elements.isEmpty { newLine(indentation) }
            text += "]"
        case .object(let object):
            text += "{"
            for (index, (key, value)) in object.enumerated() {
                text += index == 0 ? "" : ","
                newLine(indentation + 1)
                Self.append(key, to: &text)
                text += layout == .pretty ? ": " : ":"
                try value.append(
                    to: &text, layout: layout, indentation: indentation + 1, path: JSONNode.join(path, key))
            }
            if !object.isEmpty { newLine(indentation) }
            text += "}"
        }
    }

    /// Appends a string in quotes, with the escapes that JSON requires and no others.
    package static func append(_ string: String, to text: inout String) {
        text += "\""
        // Most strings need no escape, and are appended as a whole.
        guard string.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
            text += string
            text += "\""
            return
        }
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
