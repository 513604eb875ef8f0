import ForetokenFiles

/// The header of a safetensors file: its tensors and their offsets, validated against the format's rules.
///
/// The format: https://github.com/huggingface/safetensors#format.
struct SafetensorsHeader {
    /// Maximum size of a header by the format, in bytes.
    static let sizeLimit = 100_000_000

    /// Maximum number of dimensions of a tensor, the same as NumPy's.
    static let rankLimit = 64

    /// The header's metadata key, which is not allowed as a tensor's name.
    static let metadataKey = "__metadata__"

    /// The tensors in the order of their bytes.
    let entries: [SafetensorsEntry]

    /// The text metadata of the file.
    let metadata: [String: String]

    /// Parses the JSON text of a header (without its length); `dataByteCount` is the size of the byte buffer that follows it.
    ///
    /// - Throws: ``SafetensorsError``.
    init(parsing bytes: UnsafeRawBufferPointer, dataByteCount: Int, file: String) throws(SafetensorsError) {
        let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard first == UInt8(ascii: "{") else { throw SafetensorsError.headerIsNotAnObject(file: file) }
        var parser = SafetensorsHeaderParser(bytes, file: file)
        try parser.parse()
        metadata = parser.metadata
        entries = try Self.inFileOrder(parser.entries)
            .checked(dataByteCount: dataByteCount, file: file)
    }

    /// Sorts entries by offset. An empty tensor comes before a tensor that starts at the same byte; empty tensors keep the
    /// header's order.
    private static func inFileOrder(_ entries: [SafetensorsEntry]) -> [SafetensorsEntry] {
        func key(_ entry: SafetensorsEntry, _ position: Int = 0) -> (Int, Int, Int) {
            (entry.byteRange.lowerBound, entry.byteRange.upperBound, position)
        }
        if zip(entries, entries.dropFirst()).allSatisfy({ key($0) <= key($1) }) {
            return entries
        }
        // The position is part of the key because the standard library does not guarantee a stable sort.
        return entries.enumerated()
            .sorted { key($0.element, $0.offset) < key($1.element, $1.offset) }
            .map(\.element)
    }

    /// The header as written by the reference implementation: `__metadata__` first, if any, then the tensors in the given
    /// order; no spaces except padding to a multiple of eight bytes.
    static func text(entries: [SafetensorsEntry], metadata: [String: String]) -> String {
        var text = "{"
        if !metadata.isEmpty {
            text += "\"\(metadataKey)\":{"
            // Sorted, so that equal checkpoints give equal files.
            for (index, (key, value)) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
                text += index == 0 ? "" : ","
                JSONValue.append(key, to: &text)
                text += ":"
                JSONValue.append(value, to: &text)
            }
            text += "}"
        }
        for entry in entries {
            text += text.utf8.count == 1 ? "" : ","
            JSONValue.append(entry.name, to: &text)
            text += ":{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":["
            text += entry.shape.map(String.init).joined(separator: ",")
            text += "],\"data_offsets\":[\(entry.byteRange.lowerBound),\(entry.byteRange.upperBound)]}"
        }
        text += "}"
        let padding = (8 - text.utf8.count % 8) % 8
        return text + String(repeating: " ", count: padding)
    }
}

extension [SafetensorsEntry] {
    /// Checks that the entries cover the byte buffer without gaps or overlaps, and returns them.
    fileprivate func checked(dataByteCount: Int, file: String) throws(SafetensorsError) -> [SafetensorsEntry] {
        var end = 0
        for entry in self {
            let range = entry.byteRange
            guard range.upperBound <= dataByteCount else {
                throw .bytesBeyondEnd(
                    file: file, tensor: entry.name, end: range.upperBound, available: dataByteCount)
            }
            guard range.lowerBound == end else {
                throw range.lowerBound > end
                    ? .hole(file: file, tensor: entry.name, begin: range.lowerBound, expected: end)
                    : .overlap(file: file, tensor: entry.name, begin: range.lowerBound, expected: end)
            }
            end = range.upperBound
        }
        guard end == dataByteCount else {
            throw .unclaimedBytes(file: file, bytes: dataByteCount - end)
        }
        return self
    }
}
