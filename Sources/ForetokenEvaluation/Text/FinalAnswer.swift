/// The final answer of a worked solution of GSM8K, found and compared as the task `gsm8k` of lm-evaluation-harness does.
public enum FinalAnswer: String, Sendable, CaseIterable {
    /// The number after the first `####`: `#### (-?[0-9.,]+)`, the pattern of GSM8K's authors.
    case strict
    /// The last number: `(-?[$0-9.,]{2,})|(-?[0-9]+)`.
    case flexible

    /// The answer in a completion as it is written; nil if there is none.
    public func found(in completion: String) -> String? {
        let text = Array(completion.utf8)
        switch self {
        case .strict: return Self.marked(text).map { String(decoding: $0, as: UTF8.self) }
        case .flexible: return Self.lastNumber(text).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Whether a completion's answer is that of a reference, a worked solution or a number.
    public func isCorrect(_ completion: String, reference: String) -> Bool {
        guard let found = found(in: completion) else { return false }
        return Self.normalized(found) == Self.normalized(reference)
    }

    /// The bytes without everything up to the last `#### `, commas, dollar signs and one final point, in lower case
    /// (`regexes_to_ignore` of the task).
    ///
    /// Numbers are compared by their digits: `18.00` is not `18`.
    private static func normalized(_ text: String) -> [UInt8] {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let ends = Array(text.utf8).drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        var bytes = ends.filter { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "$") }
        if let last = bytes.ranges(of: marker).last { bytes.removeSubrange(..<last.upperBound) }
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static let marker = Array("#### ".utf8)

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isNumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",")
    }

    private static func marked(_ text: [UInt8]) -> ArraySlice<UInt8>? {
        for range in text.ranges(of: marker) {
            let rest = text[range.upperBound...]
            let sign = rest.first == UInt8(ascii: "-") ? 1 : 0
            let number = rest.dropFirst(sign).prefix(while: isNumeric)
            if !number.isEmpty { return rest.prefix(sign + number.count) }
        }
        return nil
    }

    private static func lastNumber(_ text: [UInt8]) -> ArraySlice<UInt8>? {
        var rest = text[...]
        var last: ArraySlice<UInt8>?
        while !rest.isEmpty {
            let sign = rest.first == UInt8(ascii: "-") ? 1 : 0
            let unsigned = rest.dropFirst(sign)
            let long = unsigned.prefix { isNumeric($0) || $0 == UInt8(ascii: "$") }
            let number = long.count >= 2 ? long : unsigned.prefix(while: isDigit)
            if number.isEmpty {
                rest.removeFirst()
            } else {
                last = rest.prefix(sign + number.count)
                rest.removeFirst(sign + number.count)
            }
        }
        return last
    }
}
