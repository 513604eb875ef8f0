package import ForetokenModel
import Synchronization

/// The rotary tables [context, d/2] of a model for the kernels, computed on demand: a model may declare a context of millions
/// of positions.
///
/// Sendable because each entry is written once, before ``prepare(positions:)`` returns to its first reader.
package final class RotaryMemory: @unchecked Sendable {
    /// [context, d/2], row-major; valid up to the positions prepared by ``prepare(positions:)``.
    package let cosine: UnsafeMutablePointer<Float>
    /// As ``cosine``.
    package let sine: UnsafeMutablePointer<Float>

    private static let block = 1024
    private let configuration: ModelConfiguration
    private let bytes: Int
    /// Positions computed so far.
    private let computed = Mutex(0)

    /// - Throws: ``DecodingError/invalid(_:)`` if the context does not fit the address space.
    package init(_ configuration: ModelConfiguration) throws {
        self.configuration = configuration
        let count = configuration.contextLength.multipliedReportingOverflow(by: configuration.headDimension / 2)
        let (bytes, overflow) = count.partialValue.multipliedReportingOverflow(by: 2 * MemoryLayout<Float>.stride)
        guard !count.overflow, !overflow, let start = Platform.reserve(max(1, bytes)) else {
            throw DecodingError.invalid(
                "a context of \(configuration.contextLength) positions does not fit this machine's address space")
        }
        self.bytes = max(1, bytes)
        cosine = start.bindMemory(to: Float.self, capacity: 2 * count.partialValue)
        sine = cosine + count.partialValue
    }

    deinit { Platform.release(cosine, bytes) }

    /// Extends the tables to at least `positions` positions.
    package func prepare(positions: Int) {
        computed.withLock { computed in
            guard positions > computed else { return }
            let end = min(configuration.contextLength, (positions + Self.block - 1) / Self.block * Self.block)
            let table = RotaryTable(configuration: configuration, from: computed, to: end)
            let first = computed * (configuration.headDimension / 2)
            for (index, value) in table.cosine.enumerated() { cosine[first + index] = Float(value) }
            for (index, value) in table.sine.enumerated() { sine[first + index] = Float(value) }
            computed = end
        }
    }
}
