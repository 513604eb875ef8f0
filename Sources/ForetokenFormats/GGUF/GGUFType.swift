/// The element types of GGUF tensors that are read and written; raw values are ggml's.
package enum GGUFType: UInt32, Sendable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q40 = 2
    case q41 = 3
    case q50 = 6
    case q51 = 7
    case q80 = 8
    case q4K = 12
    case q5K = 13
    case q6K = 14
    case bf16 = 30

    /// ggml's name.
    package var name: String { Self.names[rawValue] ?? "" }

    /// Number of consecutive weights of a row that are stored together; 1 for plain numbers.
    package var blockSize: Int {
        switch self {
        case .f32, .f16, .bf16: 1
        case .q40, .q41, .q50, .q51, .q80: 32
        case .q4K, .q5K, .q6K: 256
        }
    }

    /// Bytes of a block.
    package var blockBytes: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .q40: 2 + 16
        case .q41: 4 + 16
        case .q50: 2 + 4 + 16
        case .q51: 4 + 4 + 16
        case .q80: 2 + 32
        case .q4K: 4 + 12 + 128
        case .q5K: 4 + 12 + 32 + 128
        case .q6K: 128 + 64 + 16 + 2
        }
    }

    /// Whether a block of weights shares scales.
    package var isQuantized: Bool { blockSize > 1 }

    /// Bytes of a row of `width` weights; nil if the row is not a whole number of blocks or too large.
    package func byteCount(row width: Int) -> Int? {
        guard width.isMultiple(of: blockSize) else { return nil }
        let (bytes, overflow) = (width / blockSize).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }

    /// The name of a type number of ggml's, also of types that are not supported.
    static func name(of number: UInt32) -> String { names[number] ?? "number \(number)" }

    /// ggml's `enum ggml_type`; 4, 5, 31 to 33 and 36 to 38 were removed from the format.
    private static let names: [UInt32: String] = [
        0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 4: "Q4_2", 5: "Q4_3", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
        10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS",
        18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16",
        26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
        34: "TQ1_0", 35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4",
        41: "Q1_0",
    ]
}
