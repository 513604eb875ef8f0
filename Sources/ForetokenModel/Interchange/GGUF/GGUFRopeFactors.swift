import ForetokenFormats
import ForetokenPlatform

/// `rope_freqs.weight`: the divisors of the rotary frequencies, by which llama.cpp applies Llama 3's scaling without its
/// parameters.
enum GGUFRopeFactors {
    static let name = "rope_freqs.weight"

    /// The tensor of a scaling.
    static func tensor(_ configuration: ModelConfiguration) -> GGUFTensor {
        let factors = RotaryTable.divisors(configuration).map { Float($0) }
        return GGUFTensor(name: name, shape: [factors.count], type: .f32, byteCount: 4 * factors.count) { write in
            try factors.withUnsafeBytes(write)
        }
    }

    /// The scaling with a file's factors, linear or Llama 3's; nil if there are none, or all are 1.
    ///
    /// - Throws: ``ModelError`` for other factors.
    static func scaling(_ file: GGUFFile, _ configuration: ModelConfiguration, prefix: String) throws -> RopeScaling? {
        guard let entry = file.entry(name) else { return nil }
        let count = configuration.headDimension / 2
        guard entry.shape == [count] else {
            throw ModelError.wrongShape(file: file.file, tensor: name, found: entry.shape, expected: [count])
        }
        guard entry.type == .f32 else {
            throw ModelError.wrongType(file: file.file, tensor: name, found: entry.type.name)
        }
        let factors = try file.withBytes(of: name) { bytes in
            (0..<count).map { Double(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
        }
        if let first = factors.first, first >= 1, first.isFinite, factors.allSatisfy({ $0 == first }) {
            return first == 1 ? nil : .linear(factor: first)
        }
        let declared = try file.integer(prefix + "rope.scaling.original_context_length", in: 1...(1 << 24))
        if let scaling = fit(factors, configuration, declared: declared) { return .llama3(scaling) }
        throw ModelError.otherModel(
            file: file.file, key: name, value: "factors up to \(factors.max() ?? 0)",
            supported: "the factors of Llama 3's RoPE scaling")
    }

    /// The parameters with which Llama 3's formula gives the factors within the rounding of a converter that computes in float32.
    ///
    /// Between the two thresholds 1/factor is linear in the frequency. The line gives all but a common multiple of the original
    /// context and the two frequency factors, and the multiple changes nothing: what is returned computes the same model. The
    /// released values (1, 4, a power of two) come first.
    private static func fit(
        _ factors: [Double], _ configuration: ModelConfiguration, declared: Int?
    ) -> RopeScaling.Llama3? {
        let frequencies = RotaryTable.frequencies(configuration)
        guard let factor = factors.max(), factor > 1, factor.isFinite, factors.allSatisfy({ $0 >= 1 }) else {
            return nil
        }
        func matches(_ parameters: RopeScaling.Llama3) -> Bool {
            let scaling = RopeScaling.llama3(parameters)
            guard (try? scaling.validate(context: configuration.contextLength)) != nil else { return false }
            let divisors = scaling.divisors(of: frequencies, base: configuration.ropeBase)
            return zip(factors, divisors).allSatisfy { abs($0 / $1 - 1) < 4e-6 }
        }
        let usual = ([declared].compactMap(\.self) + [8192] + (4...24).map { 1 << $0 }).map {
            RopeScaling.Llama3(factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: $0)
        }
        if let scaling = usual.first(where: matches) { return scaling }
        guard let (slope, shift) = line(factors, frequencies, factor: factor) else { return nil }
        guard shift > 0, slope.isFinite else { return nil }
        // With a low frequency factor of 1; the context is rounded to a whole number and the others follow it.
        let context = (slope / shift * 2 * .pi).rounded()
        guard context >= 1, context <= 0x1p24 else { return nil }
        let low = shift * context / (slope * 2 * .pi)
        let scaling = RopeScaling.Llama3(
            factor: factor, lowFrequencyFactor: low, highFrequencyFactor: low * (1 + shift) / shift,
            originalContext: Int(context))
        return matches(scaling) ? scaling : nil
    }

    /// The weight of the unscaled frequency as a line over the frequencies: frequency · slope − shift.
    private static func line(
        _ factors: [Double], _ frequencies: [Double], factor: Double
    ) -> (slope: Double, shift: Double)? {
        let points = zip(factors, frequencies).map { divisor, frequency in
            (frequency: frequency, weight: (1 / divisor - 1 / factor) / (1 - 1 / factor))
        }
        let between = points.filter { $0.weight > 1e-3 && $0.weight < 1 - 1e-3 }
        if let first = between.first, let last = between.last, first.frequency > last.frequency {
            let slope = (first.weight - last.weight) / (first.frequency - last.frequency)
            return (slope, slope * first.frequency - first.weight)
        }
        // One point or none between the thresholds: any line that keeps its neighbours at 0 and 1 or beyond.
        let (high, low) = (
            points.last { $0.weight >= 1 - 1e-3 }?.frequency, points.first { $0.weight <= 1e-3 }?.frequency
        )
        guard let point = between.first else {
            guard let upper = high ?? low.map({ $0 * 2 }), let lower = low, upper > lower else { return nil }
            return (1 / (upper - lower), lower / (upper - lower))
        }
        let fromHigh = high.map { (1 - point.weight) / ($0 - point.frequency) } ?? 0
        let slope = max(fromHigh, point.weight / (point.frequency - (low ?? 0)))
        return (slope, slope * point.frequency - point.weight)
    }
}
