internal import CKernels
package import CTorch
import Synchronization

/// The device that holds a tensor.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    /// The CPU.
    case cpu
    /// A GPU, by index; needs a LibTorch with CUDA.
    case cuda(Int)

    /// Parses `cpu`, `cuda` or `cuda:1`.
    ///
    /// - Throws: ``TorchError/noCUDA`` if CUDA is named but not available, ``TorchError/failed(_:)`` for an unknown name.
    public init(named name: String) throws(TorchError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("cpu", 1):
            self = .cpu
        case ("cuda", 1...2):
            guard let index = parts.count == 1 ? 0 : Int(parts[1]), index >= 0 else { fallthrough }
            guard LibTorch.hasCUDA else { throw .noCUDA }
            self = .cuda(index)
        default:
            throw .failed("unknown device '\(name)'; use 'cpu', 'cuda' or 'cuda:1'")
        }
    }

    /// The name that ``init(named:)`` parses.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    package var handle: ct_device {
        switch self {
        case .cpu: ct_device(type: Int32(CT_CPU), index: 0)
        case .cuda(let index): ct_device(type: Int32(CT_CUDA), index: Int32(index))
        }
    }
}

/// The process-wide state of LibTorch.
public enum LibTorch {
    /// Installs the allocator and loads CUDA, once; accessed before every creation of a tensor.
    static let initialized: Void = ct_initialize()

    /// LibTorch's version, such as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }

    private static let outOfMemoryHandler = Mutex<@Sendable (TorchError) -> Never>({ error in fatalError("\(error)") })

    /// Sets the handler that ends the program when an operation that does not throw, as most of a forward pass, runs out of
    /// memory. The default traps with the error.
    public static func onOutOfMemory(_ handler: @escaping @Sendable (TorchError) -> Never) {
        outOfMemoryHandler.withLock { $0 = handler }
    }

    static func endOutOfMemory(_ error: TorchError) -> Never { outOfMemoryHandler.withLock { $0 }(error) }

    /// Whether LibTorch supports CUDA and a GPU is available.
    public static var hasCUDA: Bool {
        initialized
        return ct_cuda_is_available()
    }

    /// Whether the CPU has bfloat16 GEMM instructions (AVX512_BF16 or AMX); without them LibTorch emulates bfloat16, hundreds of
    /// times slower.
    public static var hasBFloat16Instructions: Bool { ct_cpu_has_bfloat16() }

    /// The instruction set of the CPU kernels: `portable`, `avx2`, `avx512` or `avx512vnni`. The best one that the CPU supports,
    /// unless the environment variable `FORETOKEN_ISA` selects another.
    public static var instructionSet: String { String(cString: ck_isa_name(ck_isa())) }

    /// The number of threads of LibTorch's operators and of the CPU kernels.
    public static var threads: Int {
        get {
            initialized
            return Int(ct_threads())
        }
        set {
            initialized
            ct_set_threads(Int32(clamping: max(1, newValue)))
        }
    }
}
