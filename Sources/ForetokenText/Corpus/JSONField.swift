import ForetokenFiles

/// Extracts one string from each line of a JSONL file without decoding the rest of the object.
struct JSONField: Sendable {
    /// The key of the string.
    let key: String

    /// The UTF-8 bytes of the string in the object on a line.
    ///
    /// - Throws: ``LineFault`` for a malformed line.
    func text(in line: UnsafeRawBufferPointer) throws(LineFault) -> [UInt8] {
        var scanner = JSONScanner(line)
        do throws(JSONFault) {
            var found: [UInt8]?
            var isFirst = true
            try scanner.beginObject()
            while let name = try scanner.nextKey(first: &isFirst) {
                guard name == key else {
                    try skipValue(&scanner)
                    continue
                }
                if found != nil { throw scanner.fault(.duplicateKey(key)) }
                found = try scanner.utf8String()
            }
            try scanner.finish()
            if let found { return found }
        } catch {
            throw LineFault(reason: "byte \(error.offset + 1): \(error.problem)")
        }
        throw LineFault(reason: "the object has no key \(key.quotedForMessage())")
    }

    private func skipValue(_ scanner: inout JSONScanner) throws(JSONFault) {
        var isFirst = true
        switch scanner.peek() {
        case UInt8(ascii: "{"):
            try scanner.beginObject()
            while try scanner.nextKey(first: &isFirst) != nil { try skipValue(&scanner) }
        case UInt8(ascii: "["):
            try scanner.beginArray()
            while try scanner.nextElement(first: &isFirst) { try skipValue(&scanner) }
        case UInt8(ascii: "\""): _ = try scanner.utf8String()
        case UInt8(ascii: "t"): try scanner.literal("true")
        case UInt8(ascii: "f"): try scanner.literal("false")
        case UInt8(ascii: "n"): try scanner.literal("null")
        case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            _ = try scanner.number()
        default: throw scanner.expected("a value")
        }
    }
}

/// The reason why a line is malformed.
struct LineFault: Error {
    let reason: String
}
