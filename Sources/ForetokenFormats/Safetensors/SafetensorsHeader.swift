import ForetokenFiles

/// The header of a safetensors file: what tensors there are and where, checked against the format's rules.
///
/// The format: https://github.com/huggingface/safetensors#format.
struct SafetensorsHeader {
    /// The longest header the format allows, in bytes.
    static let sizeLimit = 100_000_000

    /// Dimensions a tensor may have; NumPy stops at the same number.
    static let rankLimit = 64

    /// The header's own key, which no tensor may have as its name.
    static let metadataKey = "__metadata__"

    /// The tensors in the order of their bytes.
    let entries: [SafetensorsEntry]

    /// The text notes of the file.
    let metadata: [String: String]

    /// Takes the JSON text of the header (without its length) and the size of the byte buffer behind it.
    ///
    /// - Throws: ``SafetensorsError``.
    init(parsing bytes: UnsafeRawBufferPointer, dataByteCount: Int, file: String) throws(SafetensorsError) {
        guard bytes.first == UInt8(ascii: "{") else { throw SafetensorsError.headerIsNotAnObject(file: file) }
        var parser = SafetensorsHeaderParser(bytes, file: file)
        try parser.parse()
        metadata = parser.metadata
        entries = try Self.inFileOrder(parser.entries)
            .checked(dataByteCount: dataByteCount, file: file)
    }

    /// Sorted by offset; an empty tensor comes before the one that starts at the same byte, and empty tensors among
    /// themselves stay in the header's order.
    private static func inFileOrder(_ entries: [SafetensorsEntry]) -> [SafetensorsEntry] {
        func key(_ entry: SafetensorsEntry, _ position: Int = 0) -> (Int, Int, Int) {
            (entry.byteRange.lowerBound, entry.byteRange.upperBound, position)
        }
        if zip(entries, entries.dropFirst()).allSatisfy({ key($0) <= key($1) }) {
            return entries
        }
        // The position is in the key because the standard library does not promise a stable sort.
        return entries.enumerated()
            .sorted { key($0.element, $0.offset) < key($1.element, $1.offset) }
            .map(\.element)
    }

    /// The header as the reference implementation writes it: `__metadata__` first where there is any, the tensors in
    /// the given order, no spaces but those that fill it up to a multiple of eight bytes.
    static func text(entries: [SafetensorsEntry], metadata: [String: String]) -> String {
        var text = "{"
        if !metadata.isEmpty {
            text += "\"\(metadataKey)\":{"
            // Sorted, so that equal checkpoints are equal files.
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
    /// The entries themselves, once they are known to cover the byte buffer without hole or overlap.
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
