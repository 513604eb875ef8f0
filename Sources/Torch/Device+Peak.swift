internal import CTorch

extension Device {
    /// The GPU's name as its driver gives it; nil on the CPU.
    public var name: String? {
        guard case .cuda(let index) = self else { return nil }
        var characters = [CChar](repeating: 0, count: 256)
        guard ct_cuda_device_name(Int32(index), &characters, Int32(characters.count)) else { return nil }
        return String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// FLOPs a second of dense bfloat16 products that the GPU's maker states; nil for one not listed here: no utilisation
    /// is better than a wrong one.
    public var bfloat16Peak: Double? { name.flatMap(Self.bfloat16Peak(ofDeviceNamed:)) }

    /// By the names of NVIDIA's data sheets, without sparsity. Forms of lower power have lower peaks and names of their own.
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
