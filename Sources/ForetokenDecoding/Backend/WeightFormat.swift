/// Storage format of weights for decoding; accumulation is float32 in all formats.
public enum WeightFormat: String, Sendable, CaseIterable {
    /// float32, as trained.
    case f32
    /// Rounded to bfloat16: half the bytes.
    case bf16
    /// Rounded to 8 bits, with one scale per output and group of 64 inputs: a quarter of the bytes.
    case int8
}
