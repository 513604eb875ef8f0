extension JSONScanner {
    /// Reads a value of any kind and forgets it. It is checked like one that is kept; keys may repeat.
    package mutating func skipValue() throws(JSONFault) {
        switch peek() {
        case UInt8(ascii: "{"):
            var first = true
            try beginObject()
            while try nextKey(first: &first) != nil { try skipValue() }
        case UInt8(ascii: "["):
            var first = true
            try beginArray()
            while try nextElement(first: &first) { try skipValue() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }
}
