/// Text of a chat template's run: UTF-8 bytes, each with marks that say where it came from.
///
/// Every operation of the interpreter builds its result from pieces of its operands, so that the marks follow the bytes
/// through concatenation, slices, filters and methods. Positions and counts that templates see are code points, as in Python;
/// equality is that of bytes, never canonical equivalence.
struct MarkedText: Sendable {
    /// What is known of a byte.
    struct Marks: OptionSet, Sendable, Hashable {
        let rawValue: UInt8

        /// The byte came from the caller's messages, tools or variables.
        static let user = Marks(rawValue: 1)
        /// The byte stands in a `{% generation %}` block.
        static let generation = Marks(rawValue: 2)
    }

    /// Successive bytes with the same marks; bytes outside all runs have none.
    struct Run: Sendable, Equatable {
        var range: Range<Int>
        var marks: Marks
    }

    /// The bytes, always valid UTF-8.
    private(set) var bytes: [UInt8] = []
    /// Sorted, disjoint and not empty; neighbours that touch differ in their marks.
    private(set) var runs: [Run] = []
    /// Whether all bytes are ASCII, so that a byte is a code point.
    private(set) var isASCII = true
    /// Whether the filters `safe` or `escape` made it: adding another text then escapes that one for HTML (Markup in Python).
    var isMarkup = false

    init() {}

    init(_ string: String, marks: Marks = []) {
        self.init(Array(string.utf8), marks: marks)
    }

    /// `bytes` must be valid UTF-8.
    init(_ bytes: [UInt8], marks: Marks = []) {
        self.bytes = bytes
        isASCII = bytes.allSatisfy { $0 < 0x80 }
        if !marks.isEmpty, !bytes.isEmpty { runs = [Run(range: 0..<bytes.count, marks: marks)] }
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// The text as a string, for messages.
    var string: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Building

    private mutating func mark(_ range: Range<Int>, _ marks: Marks) {
        guard !range.isEmpty, !marks.isEmpty else { return }
        if let last = runs.last, last.range.upperBound == range.lowerBound, last.marks == marks {
            runs[runs.count - 1].range = last.range.lowerBound..<range.upperBound
        } else {
            runs.append(Run(range: range, marks: marks))
        }
    }

    /// Appends valid UTF-8.
    mutating func append(_ added: some Collection<UInt8>, marks: Marks = []) {
        let start = bytes.count
        bytes.append(contentsOf: added)
        if isASCII { isASCII = bytes[start...].allSatisfy { $0 < 0x80 } }
        mark(start..<bytes.count, marks)
    }

    mutating func append(_ string: String, marks: Marks = []) {
        append(string.utf8, marks: marks)
    }

    mutating func append(_ scalar: Unicode.Scalar, marks: Marks = []) {
        append(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter, marks: marks)
    }

    mutating func append(_ text: MarkedText) {
        if bytes.isEmpty {
            let wasMarkup = isMarkup
            self = text
            isMarkup = wasMarkup
            return
        }
        let start = bytes.count
        bytes.append(contentsOf: text.bytes)
        isASCII = isASCII && text.isASCII
        for run in text.runs {
            mark(run.range.lowerBound + start..<run.range.upperBound + start, run.marks)
        }
    }

    /// Appends a part of a text; the bounds must lie between code points.
    mutating func append(_ text: MarkedText, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        if range == 0..<text.bytes.count { return append(text) }
        let start = bytes.count
        bytes.append(contentsOf: text.bytes[range])
        if isASCII, !text.isASCII { isASCII = bytes[start...].allSatisfy { $0 < 0x80 } }
        for run in text.runs[text.firstRun(endingAfter: range.lowerBound)...] {
            guard run.range.lowerBound < range.upperBound else { break }
            let part = run.range.clamped(to: range)
            mark(part.lowerBound - range.lowerBound + start..<part.upperBound - range.lowerBound + start, run.marks)
        }
    }

    /// The part between two byte positions.
    func slice(_ range: Range<Int>) -> MarkedText {
        var result = MarkedText()
        result.append(self, range)
        result.isMarkup = isMarkup
        return result
    }

    static func + (left: MarkedText, right: MarkedText) -> MarkedText {
        var result = left
        result.append(right)
        return result
    }

    /// The text with a further mark on every byte.
    func adding(_ marks: Marks) -> MarkedText {
        var result = MarkedText()
        for segment in segments { result.append(bytes[segment.range], marks: segment.marks.union(marks)) }
        return result
    }

    // MARK: Reading

    /// The index of the first run that ends after a byte position.
    private func firstRun(endingAfter position: Int) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.upperBound <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The marks of the byte at a position; none at the end.
    func marks(at position: Int) -> Marks {
        let index = firstRun(endingAfter: position)
        return index < runs.count && runs[index].range.contains(position) ? runs[index].marks : []
    }

    /// The whole text as successive runs, those without marks included.
    var segments: [Run] {
        var result: [Run] = []
        result.reserveCapacity(2 * runs.count + 1)
        var position = 0
        for run in runs {
            if position < run.range.lowerBound {
                result.append(Run(range: position..<run.range.lowerBound, marks: []))
            }
            result.append(run)
            position = run.range.upperBound
        }
        if position < bytes.count { result.append(Run(range: position..<bytes.count, marks: [])) }
        return result
    }

    /// The sorted, disjoint byte ranges with a mark.
    func ranges(with mark: Marks) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for run in runs where run.marks.contains(mark) {
            if let last = result.last, last.upperBound == run.range.lowerBound {
                result[result.count - 1] = last.lowerBound..<run.range.upperBound
            } else {
                result.append(run.range)
            }
        }
        return result
    }
}

extension MarkedText: Hashable {
    static func == (left: MarkedText, right: MarkedText) -> Bool { left.bytes == right.bytes }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

/// Texts are ordered by code points, which is the order of their UTF-8 bytes.
extension MarkedText: Comparable {
    static func < (left: MarkedText, right: MarkedText) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
