/// How a benchmark compares a program's standard output with the expected one.
///
/// Words are separated by ASCII white space and compared as UTF-8 bytes, so that two spellings of an accented letter differ. Where
/// the expected word is an integer, only the same number will do, however it is written (`3.0` for `3`). Where it is a fraction, a
/// number is compared with the benchmark's tolerance.
///
/// The owners' evaluators are laxer in two places that let wrong programs pass, and are not followed there: both compare integers
/// as doubles with the tolerance of fractions, and APPS finally compares the words of a line as a set.
public enum OutputComparison: Sendable, Equatable {
    /// APPS (`run_test` of the benchmark and of BigCode's harness): lines without the white space at their ends, empty lines
    /// left out; NumPy's `allclose`, |a − b| ≤ 10⁻⁸ + 10⁻⁵ |b|.
    case lines
    /// CodeContests (`OutputsMatch` of its `tester_sandboxer.cc`): words regardless of lines and of ASCII case;
    /// |a − b| < 10⁻⁵.
    case words

    /// Whether an output is right.
    func accepts(_ found: [UInt8], expected: [UInt8]) -> Bool {
        switch self {
        case .words: areSame(Self.words(found[...]), Self.words(expected[...]))
        case .lines:
            Self.lines(found).elementsEqual(Self.lines(expected)) { areSame(Self.words($0), Self.words($1)) }
        }
    }

    private func areSame(_ found: [ArraySlice<UInt8>], _ expected: [ArraySlice<UInt8>]) -> Bool {
        found.elementsEqual(expected) { isSame($0, $1) }
    }

    private func isSame(_ found: ArraySlice<UInt8>, _ expected: ArraySlice<UInt8>) -> Bool {
        if found == expected { return true }
        if self == .words, found.elementsEqual(expected, by: { Self.lowercased($0) == Self.lowercased($1) }) {
            return true
        }
        guard let a = DecimalWord(found), let b = DecimalWord(expected) else { return false }
        if a == b { return true }
        guard b.isFraction else { return false }
        let difference = abs(a.value - b.value)
        return self == .words ? difference < 1e-5 : difference <= 1e-8 + 1e-5 * abs(b.value)
    }

    private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: "\n")).filter { !$0.allSatisfy(isSpace) }
    }

    private static func words(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] { text.split(whereSeparator: isSpace) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// A number in decimal notation, of any length; equal ones have the same value, to the last digit.
struct DecimalWord: Equatable {
    /// Whether it is written with a decimal point or an exponent.
    let isFraction: Bool
    /// The nearest double.
    let value: Double
    private let isNegative: Bool
    /// The digits without zeros at either end; the value is 0.digits · 10^exponent.
    private let digits: [UInt8]
    private let exponent: Int

    /// - Returns: nil for a word that is no such number.
    init?(_ word: ArraySlice<UInt8>) {
        var rest = word
        func take(_ characters: StaticString) -> UInt8? {
            guard let first = rest.first,
                (0..<characters.utf8CodeUnitCount).contains(where: { characters.utf8Start[$0] == first })
            else { return nil }
            rest.removeFirst()
            return first
        }
        func takeDigits() -> ArraySlice<UInt8> {
            let run = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest.removeFirst(run.count)
            return run
        }
        let sign = take("+-")
        let whole = takeDigits()
        let hasPoint = take(".") != nil
        let decimals = hasPoint ? takeDigits() : []
        guard !whole.isEmpty || !decimals.isEmpty else { return nil }
        var power = 0
        let hasExponent = take("eE") != nil
        if hasExponent {
            let sign = take("+-")
            // Longer exponents are no number that a program prints, and would overflow.
            guard let number = Int(String(decoding: takeDigits().prefix(10), as: UTF8.self)), number < 1_000_000_000
            else { return nil }
            power = sign == UInt8(ascii: "-") ? -number : number
        }
        guard rest.isEmpty, let value = Double(String(decoding: word, as: UTF8.self)) else { return nil }
        self.value = value
        isFraction = hasPoint || hasExponent
        let all = whole + decimals
        let zero = UInt8(ascii: "0")
        let significant = all.drop { $0 == zero }
        digits = Array(significant.reversed().drop { $0 == zero }.reversed())
        isNegative = sign == UInt8(ascii: "-") && !digits.isEmpty
        exponent = digits.isEmpty ? 0 : whole.count - (all.count - significant.count) + power
    }

    static func == (one: DecimalWord, other: DecimalWord) -> Bool {
        one.isNegative == other.isNegative && one.exponent == other.exponent && one.digits == other.digits
    }
}
