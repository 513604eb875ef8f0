import ForetokenPlatform

/// `[[fill]align][sign][0][width][,][.precision][kind]`.
struct FormatSpecification {
    var fill: Character = " "
    var alignment: Character?
    var sign: Character?
    var width = 0
    var groups = false
    var precision: Int?
    var kind = ""

    init() {}

    init?(_ text: Substring) {
        var rest = text
        let alignments: [Character] = ["<", ">", "^", "="]
        if let second = rest.dropFirst().first, alignments.contains(second), let first = rest.first {
            (fill, alignment) = (first, second)
            rest = rest.dropFirst(2)
        } else if let first = rest.first, alignments.contains(first) {
            alignment = rest.removeFirst()
        }
        if let first = rest.first, ["+", "-", " "].contains(first) { sign = rest.removeFirst() }
        if rest.first == "0" {
            rest.removeFirst()
            if alignment == nil { (fill, alignment) = ("0", "=") }
        }
        width = Self.number(&rest) ?? 0
        if rest.first == "," {
            rest.removeFirst()
            groups = true
        }
        if rest.first == "." {
            rest.removeFirst()
            guard let digits = Self.number(&rest) else { return nil }
            precision = digits
        }
        kind = rest.popFirst().map { String($0) } ?? ""
        guard rest.isEmpty, ["", "s", "d", "f"].contains(kind) else { return nil }
    }

    private static func number(_ rest: inout Substring) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return digits.isEmpty ? nil : Int(digits) ?? .max
    }

    /// Reads the flags, width and precision of a `%` format; returns the position behind them.
    mutating func readPrintf(_ bytes: [UInt8], from start: Int) -> Int {
        var position = start
        func number() -> (Int?, Int) {
            var end = position
            while end < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[end]) { end += 1 }
            return (end > position ? Int(String(decoding: bytes[position..<end], as: UTF8.self)) ?? .max : nil, end)
        }
        while position < bytes.count, "-+ 0".utf8.contains(bytes[position]) {
            switch bytes[position] {
            case UInt8(ascii: "-"): (alignment, fill) = ("<", " ")
            case UInt8(ascii: "0"): if alignment != "<" { (alignment, fill) = ("=", "0") }
            default: if sign != "+" { sign = Character(Unicode.Scalar(bytes[position])) }
            }
            position += 1
        }
        let (found, end) = number()
        width = found ?? 0
        position = end
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            let (digits, end) = number()
            precision = digits ?? 0
            position = end
        }
        return position
    }
}

extension Double {
    /// The number with this many digits behind the point, rounded from its exact value.
    func fixed(_ digits: Int) -> String {
        var buffer = [CChar](repeating: 0, count: 400 + digits)
        let count = withVaList([CInt(digits), self]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
        return String(decoding: buffer[..<max(0, Int(count))].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension String {
    /// The digits before the point in threes.
    var groupedByThousands: String {
        let whole = prefix { $0 != "." }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result + dropFirst(whole.count)
    }
}
