/// The elements of a JSON array as ranges of its bytes, with the lines on which they begin.
///
/// Only brackets and strings are looked at: each element is checked when it is parsed. An array that is cut off, or followed by
/// something, yields a last element that is not JSON.
struct JSONArrayElements: Sequence, IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private var line = 1
    private var isClosed = false

    /// `start` lies before the opening bracket, with white space in between.
    init(_ bytes: UnsafeRawBufferPointer, from start: Int) {
        (self.bytes, position) = (bytes, start)
        skipSpace()
        position += 1
    }

    mutating func next() -> (range: Range<Int>, line: Int)? {
        skipSpace()
        guard !isClosed else { return nil }
        guard position < bytes.count else {
            isClosed = true
            return (bytes.count..<bytes.count, line)
        }
        if bytes[position] == UInt8(ascii: "]") {
            isClosed = true
            position += 1
            skipSpace()
            return position < bytes.count ? (position - 1..<bytes.count, line) : nil
        }
        let (start, firstLine) = (position, line)
        var (depth, isString) = (0, false)
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x0A { line += 1 }
            if isString {
                if byte == UInt8(ascii: "\\") { position += 1 }
                isString = byte != UInt8(ascii: "\"")
            } else if byte == UInt8(ascii: "\"") {
                isString = true
            } else if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
                depth += 1
            } else if depth > 0, byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
                depth -= 1
            } else if depth == 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") {
                break
            }
            position += 1
        }
        let end = Swift.min(position, bytes.count)
        if end < bytes.count, bytes[end] == UInt8(ascii: ",") { position += 1 }
        return (start..<end, firstLine)
    }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) {
            if bytes[position] == 0x0A { line += 1 }
            position += 1
        }
    }
}
