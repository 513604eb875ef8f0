internal import CTorch

extension Device {
    /// The GPU's name as reported by the driver; nil on the CPU.
    public var name: String? {
        guard case .cuda(let index) = self else { return nil }
        var characters = [CChar](repeating: 0, count: 256)
        guard ct_cuda_device_name(Int32(index), &characters, Int32(characters.count)) else { return nil }
        return String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The peak FLOP/s of dense bfloat16 GEMM from the manufacturer's data sheet; nil for a GPU that is not listed, so that no
    /// wrong utilisation is reported.
    public var bfloat16Peak: Double? { name.flatMap(Self.bfloat16Peak(ofDeviceNamed:)) }

    /// Values of NVIDIA's data sheets, without sparsity. Variants with lower power limits have their own names and peaks.
    static func bfloat16Peak(ofDeviceNamed name: String) -> Double? {
        let peaks: [(name: String, teraflops: Double)] = [
            ("H200 NVL", 835.5), ("H200", 989.5), ("H100 NVL", 835.5), ("H100 PCIe", 756), ("H100 80GB HBM3", 989.5),
            ("A100", 312), ("L40S", 362), ("L4", 121), ("A30", 165),
        ]
        let words = name.split(separator: " ").flatMap { $0.split(separator: "-") }
        return peaks.first { peak in
            let wanted = peak.name.split(separator: " ")
            return words.indices.contains { words[$0...].starts(with: wanted) }
        }.map { $0.teraflops * 1e12 }
    }
}
