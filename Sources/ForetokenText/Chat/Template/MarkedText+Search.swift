/// Searching, splitting and stripping, as Python's `str` does.
extension MarkedText {
    /// The byte position of the first occurrence of a non-empty text within a range.
    func find(_ needle: [UInt8], in range: Range<Int>) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            Self.distance(to: needle, within: range.count) { bytes[range.lowerBound + $0] }
                .map { range.lowerBound + $0 }
        }
    }

    /// The byte position of the last occurrence of a non-empty text within a range.
    func findLast(_ needle: [UInt8], in range: Range<Int>) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            Self.distance(to: needle.reversed(), within: range.count) { bytes[range.upperBound - 1 - $0] }
                .map { range.upperBound - $0 - needle.count }
        }
    }

    /// The index where `needle` first occurs among `count` bytes, in linear time (Knuth, Morris and Pratt 1977).
    @inline(__always)
    private static func distance(to needle: [UInt8], within count: Int, _ byte: (Int) -> UInt8) -> Int? {
        guard let first = needle.first, needle.count <= count else { return nil }
        var borders: [Int] = []
        var (index, matched) = (0, 0)
        while index < count {
            if matched == 0 {
                // Most of the time there is nothing to remember.
                while index < count, byte(index) != first { index += 1 }
                if index + needle.count > count { return nil }
                (index, matched) = (index + 1, 1)
            } else if byte(index) == needle[matched] {
                (index, matched) = (index + 1, matched + 1)
            } else {
                if borders.isEmpty { borders = Self.borders(of: needle) }
                matched = borders[matched - 1]
                continue
            }
            if matched == needle.count { return index - matched }
        }
        return nil
    }

    /// For each prefix the length of its longest proper prefix that also ends it.
    private static func borders(of needle: [UInt8]) -> [Int] {
        var result = [Int](repeating: 0, count: needle.count)
        var length = 0
        for index in 1..<max(1, needle.count) {
            while length > 0, needle[index] != needle[length] { length = result[length - 1] }
            if needle[index] == needle[length] { length += 1 }
            result[index] = length
        }
        return result
    }

    func contains(_ needle: MarkedText) -> Bool {
        needle.isEmpty || find(needle.bytes, in: 0..<bytes.count) != nil
    }

    /// All occurrences of a non-empty text that do not overlap, from the left, at most `limit` (negative: all).
    private func occurrences(of needle: [UInt8], limit: Int) -> [Int] {
        var result: [Int] = []
        var position = 0
        while result.count != limit, let found = find(needle, in: position..<bytes.count) {
            result.append(found)
            position = found + needle.count
        }
        return result
    }

    /// The number of occurrences that do not overlap; of an empty text one more than there are code points.
    func occurrences(of needle: MarkedText) -> Int {
        needle.isEmpty ? count + 1 : occurrences(of: needle.bytes, limit: -1).count
    }

    /// The text with at most `limit` occurrences of `old` (negative: all) replaced, and how many there were.
    func replacing(_ old: MarkedText, with new: MarkedText, limit: Int = -1) -> MarkedText {
        var result = MarkedText()
        var position = 0
        if old.isEmpty {
            var replaced = 0
            while replaced != limit {
                result.append(new)
                replaced += 1
                guard position < bytes.count else { return result }
                let next = self.position(after: position)
                result.append(self, position..<next)
                position = next
            }
        } else {
            for found in occurrences(of: old.bytes, limit: limit) {
                result.append(self, position..<found)
                result.append(new)
                position = found + old.bytes.count
            }
        }
        result.append(self, position..<bytes.count)
        return result
    }

    /// The parts between occurrences of a non-empty separator, with at most `limit` splits (negative: all).
    func split(by separator: MarkedText, limit: Int) -> [MarkedText] {
        var parts: [MarkedText] = []
        var position = 0
        for found in occurrences(of: separator.bytes, limit: limit) {
            parts.append(slice(position..<found))
            position = found + separator.bytes.count
        }
        parts.append(slice(position..<bytes.count))
        return parts
    }

    /// As ``split(by:limit:)``, from the right.
    func splitFromRight(by separator: MarkedText, limit: Int) -> [MarkedText] {
        var parts: [MarkedText] = []
        var end = bytes.count
        while parts.count != limit, let found = findLast(separator.bytes, in: 0..<end) {
            parts.append(slice(found + separator.bytes.count..<end))
            end = found
        }
        parts.append(slice(0..<end))
        return parts.reversed()
    }

    /// The words between white space, with at most `limit` splits (negative: all).
    func splitAtSpace(limit: Int) -> [MarkedText] {
        var parts: [MarkedText] = []
        var position = skipSpace(from: 0)
        while position < bytes.count {
            if parts.count == limit {
                parts.append(slice(position..<bytes.count))
                break
            }
            var end = position
            while end < bytes.count, !scalar(at: end).isPythonSpace { end = self.position(after: end) }
            parts.append(slice(position..<end))
            position = skipSpace(from: end)
        }
        return parts
    }

    /// As ``splitAtSpace(limit:)``, from the right.
    func splitAtSpaceFromRight(limit: Int) -> [MarkedText] {
        var parts: [MarkedText] = []
        var end = endOfStrip { $0.isPythonSpace }
        while end > 0 {
            if parts.count == limit {
                parts.append(slice(0..<end))
                break
            }
            var start = end
            while start > 0, !scalar(at: position(before: start)).isPythonSpace { start = position(before: start) }
            parts.append(slice(start..<end))
            end = start
            while end > 0, scalar(at: position(before: end)).isPythonSpace { end = position(before: end) }
        }
        return parts.reversed()
    }

    /// The lines, without their ends unless `keepsEnds`.
    func lines(keepsEnds: Bool = false) -> [MarkedText] {
        var result: [MarkedText] = []
        var (start, position) = (0, 0)
        while position < bytes.count {
            let scalar = scalar(at: position)
            var next = self.position(after: position)
            if scalar.isPythonLineBreak {
                if scalar == "\r", next < bytes.count, bytes[next] == UInt8(ascii: "\n") { next += 1 }
                result.append(slice(start..<(keepsEnds ? next : position)))
                start = next
            }
            position = next
        }
        if start < bytes.count { result.append(slice(start..<bytes.count)) }
        return result
    }

    private func skipSpace(from start: Int) -> Int {
        var position = start
        while position < bytes.count, scalar(at: position).isPythonSpace { position = self.position(after: position) }
        return position
    }

    private func endOfStrip(_ isStripped: (Unicode.Scalar) -> Bool) -> Int {
        var end = bytes.count
        while end > 0 {
            let previous = position(before: end)
            guard isStripped(scalar(at: previous)) else { break }
            end = previous
        }
        return end
    }

    /// The text without the code points at its ends that are in `set`; nil is white space.
    func stripped(_ set: MarkedText?, left: Bool = true, right: Bool = true) -> MarkedText {
        let members = set.map { Set($0.scalars) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { members?.contains(scalar) ?? scalar.isPythonSpace }
        let end = right ? endOfStrip(isStripped) : bytes.count
        var start = 0
        if left {
            while start < end, isStripped(scalar(at: start)) { start = position(after: start) }
        }
        return slice(start..<end)
    }

    func hasPrefix(_ prefix: MarkedText) -> Bool { bytes.starts(with: prefix.bytes) }

    func hasSuffix(_ suffix: MarkedText) -> Bool {
        bytes.count >= suffix.bytes.count && bytes[(bytes.count - suffix.bytes.count)...].elementsEqual(suffix.bytes)
    }
}
