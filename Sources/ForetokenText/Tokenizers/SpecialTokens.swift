/// Where the spellings of special (control) tokens in a text become these tokens.
///
/// Added tokens that are not special are part of ordinary text, and become tokens everywhere.
public enum SpecialTokens: Sendable, Equatable {
    /// Nowhere: they are ordinary text.
    case asText
    /// Everywhere.
    case parsed
    /// Wherever none of their bytes lies in one of these byte ranges: in a template's output, those of a user's text. Parts of
    /// ranges outside the text are ignored.
    case parsedOutside([Range<Int>])
}

/// The tokens that a tokenizer adds before and after a text, by its post-processor.
public struct TextFraming: Sendable, Equatable {
    /// Tokens before the text, such as `<|begin_of_text|>`.
    public var before: [Int32]
    /// Tokens after the text.
    public var after: [Int32]

    /// Creates a framing.
    public init(before: [Int32] = [], after: [Int32] = []) {
        (self.before, self.after) = (before, after)
    }
}

/// Which bytes of a text are content, in which no special token is recognised.
enum ContentMask {
    case nothing
    case everything
    case bytes([Bool])

    init(_ special: SpecialTokens, count: Int) {
        switch special {
        case .asText: self = .everything
        case .parsed: self = .nothing
        case .parsedOutside(let ranges):
            var mask = [Bool](repeating: false, count: count)
            for range in ranges {
                for index in range.clamped(to: 0..<count) { mask[index] = true }
            }
            self = .bytes(mask)
        }
    }

    func hasContent(_ range: Range<Int>) -> Bool {
        switch self {
        case .nothing: false
        case .everything: true
        case .bytes(let mask): mask[range].contains(true)
        }
    }

    func isAllContent(_ range: Range<Int>) -> Bool {
        switch self {
        case .nothing: false
        case .everything: true
        case .bytes(let mask): !mask[range].contains(false)
        }
    }

    /// The mask of a part of the text.
    subscript(range: Range<Int>) -> ContentMask {
        guard case .bytes(let mask) = self else { return self }
        return .bytes(Array(mask[range]))
    }

    /// The mask after replacing parts of the text: a replacement is content if some of the replaced bytes are, or, for an
    /// insertion, never.
    func replacing(_ edits: [(range: Range<Int>, count: Int)]) -> ContentMask {
        guard case .bytes(let mask) = self else { return self }
        var result: [Bool] = []
        var copied = 0
        for (range, count) in edits {
            result += mask[copied..<range.lowerBound]
            result += [Bool](repeating: mask[range].contains(true), count: count)
            copied = range.upperBound
        }
        return .bytes(result + mask[copied...])
    }
}
