/// How weights are held for decoding; sums are float32 in all formats.
public enum WeightFormat: String, Sendable, CaseIterable {
    /// As trained.
    case f32
    /// Rounded to bfloat16: half the bytes.
    case bf16
    /// Rounded to 8 bits, with a scale for each output and 64 inputs: a quarter of the bytes.
    case int8
}
