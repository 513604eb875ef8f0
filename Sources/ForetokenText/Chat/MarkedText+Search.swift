/// Searching, splitting and stripping, as Python's `str` does.
extension MarkedText {
    /// The byte position of the first occurrence of a non-empty text within a range.
    func find(_ needle: [UInt8], in range: Range<Int>) -> Int? {
        guard let first = needle.first, needle.count <= range.count else { return nil }
        let last = range.upperBound - needle.count
        return bytes.withUnsafeBufferPointer { bytes in
            needle.withUnsafeBufferPointer { needle in
                var position = range.lowerBound
                while position <= last {
                    if bytes[position] == first {
                        var length = 1
                        while length < needle.count, bytes[position + length] == needle[length] { length += 1 }
                        if length == needle.count { return position }
                    }
                    position += 1
                }
                return nil
            }
        }
    }

    /// The byte position of the last occurrence of a non-empty text within a range.
    func findLast(_ needle: [UInt8], in range: Range<Int>) -> Int? {
        guard needle.count <= range.count else { return nil }
        var position = range.upperBound - needle.count
        while position >= range.lowerBound {
            if bytes[position..<position + needle.count].elementsEqual(needle) { return position }
            position -= 1
        }
        return nil
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
                parts.append(slice(position..<endOfStrip { $0.isPythonSpace }))
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
                parts.append(slice(min(skipSpace(from: 0), end)..<end))
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
