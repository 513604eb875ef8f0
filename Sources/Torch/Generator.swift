internal import CTorch

/// A seeded CPU random number generator. The same seed gives the same numbers on every machine with the same LibTorch
/// version.
public final class Generator {
    private let handle: ct_generator

    /// Creates a generator.
    public init(seed: UInt64) {
        LibTorch.initialized
        guard let handle = ct_generator_new(seed) else { preconditionFailure("no memory for a generator") }
        self.handle = handle
    }

    deinit { ct_generator_release(handle) }

    func call<Result>(_ body: (ct_generator) -> Result) -> Result {
        withExtendedLifetime(self) { body(handle) }
    }
}
