package import ForetokenFiles

extension PreTokenizer {
    /// The steps, unless a matcher of its own does the same.
    var steps: PreTokenizerSteps? {
        switch self {
        case .none, .gpt2, .llama3, .qwen2, .smollm, .o200k, .tekken, .qwen35: nil
        case .deepseek3: Self.deepseek3Steps
        case .deepseekcoder: Self.deepseekcoderSteps
        case .deepseekllm: Self.deepseekllmSteps
        case .falcon: Self.falconSteps
        case .bloom: Self.bloomSteps
        case .steps(let steps): steps
        }
    }

    private static let deepseek3Steps = PreTokenizerSteps(
        before: splits([
            #"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+",
            ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"## + "\r\n"
                + #"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+["# + "\r\n" + #"]*|\s*["# + "\r\n"
                + #"]+|\s+(?!\S)|\s+"#,
        ]))
    private static let eastern = "[一-龥\u{800}-一가-\u{D7FF}]+"
    private static let deepseekcoderSteps = PreTokenizerSteps(
        before: splits(["[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, eastern]) + [.init(rule: .digits)])
    private static let deepseekllmSteps = PreTokenizerSteps(
        before: splits([
            "[\r\n]", #"\s?["# + casedLetters + "]+", "\\s?[!-/:-~！-／：-～‘-‟\u{3000}-。]+", #"\s+$"#, eastern,
        ]) + [.init(rule: .digits)])
    private static let falconSteps = PreTokenizerSteps(
        before: [.init(rule: .punctuation, behavior: .contiguous), .init(rule: .gpt2)],
        after: [.init(rule: .digits, behavior: .contiguous)] + splits(["[0-9][0-9][0-9]"]))
    private static let bloomSteps = PreTokenizerSteps(before: splits([" ?[^(\\s|[.,!?…。，、।۔،])]+"]))

    private static func splits(_ patterns: [String]) -> [PreTokenizerSteps.Step] {
        // All are read by the tests.
        patterns.compactMap { try? WordPattern($0) }.map { PreTokenizerSteps.Step(rule: .pattern($0)) }
    }

    /// The letters with case as DeepSeek-LLM's file lists them.
    private static let casedLetters =
        "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-"
        + "ὗὙὛὝὟ-\u{1F7D}ᾀ-ᾴᾶ-ᾼ\u{1FBE}ῂ-ῄῆ-ῌῐ-\u{1FD3}ῖ-\u{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u{2126}ℨ\u{212A}-ℭ"
        + "ℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
}

extension PreTokenizer {
    /// The `pre_tokenizer` of a `tokenizer.json`.
    package var definition: JSONValue {
        switch self {
        case .none: return Self.byteLevel(usesRegex: false)
        case .gpt2: return Self.byteLevel(usesRegex: true)
        case .smollm: return PreTokenizerSteps(before: [.init(rule: .digits), .init(rule: .gpt2)]).definition
        case .llama3, .qwen2, .o200k, .tekken, .qwen35:
            return PreTokenizerSteps(before: Self.splits(Array(patterns.prefix(1)))).definition
        case .deepseek3, .deepseekcoder, .deepseekllm, .falcon, .bloom, .steps:
            return steps?.definition ?? .null
        }
    }

    /// The `pre_tokenizer` of a byte-level `tokenizer.json` that splits by patterns, and then single digits off.
    package static func definition(splitting patterns: [String], digits: Bool = false) -> JSONValue {
        PreTokenizerSteps(before: splits(patterns) + (digits ? [.init(rule: .digits)] : [])).definition
    }

    static func byteLevel(usesRegex: Bool, prefixesSpace: Bool = false) -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(prefixesSpace), "trim_offsets": true,
            "use_regex": .bool(usesRegex),
        ]
    }
}

extension PreTokenizerSteps {
    /// The `pre_tokenizer` of a `tokenizer.json`.
    var definition: JSONValue {
        let usesRegex = before.last?.rule == .gpt2
        let byteLevel = PreTokenizer.byteLevel(usesRegex: usesRegex, prefixesSpace: prefixesSpace)
        let steps = before.dropLast(usesRegex ? 1 : 0).map(\.definition) + [byteLevel] + after.map(\.definition)
        return steps.count == 1 ? steps[0] : ["type": "Sequence", "pretokenizers": .array(steps)]
    }
}

extension PreTokenizerSteps.Step {
    fileprivate var definition: JSONValue {
        func split(_ kind: String, _ text: String) -> JSONValue {
            var pattern = JSONObject()
            pattern[kind] = .string(text)
            return [
                "type": "Split", "pattern": .object(pattern), "behavior": .string(behavior.rawValue),
                "invert": .bool(isInverted),
            ]
        }
        switch rule {
        case .pattern(let pattern): return split("Regex", pattern.text)
        case .literal(let pattern): return split("String", pattern.text)
        case .digits: return ["type": "Digits", "individual_digits": .bool(behavior == .isolated)]
        case .punctuation: return ["type": "Punctuation", "behavior": .string(behavior.rawValue)]
        case .gpt2: return PreTokenizer.byteLevel(usesRegex: true)
        }
    }
}
