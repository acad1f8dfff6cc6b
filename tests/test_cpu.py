from gan_cli import cpu

X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f avx512_bf16\n"
X86 += "\nprocessor\t: 1\nflags\t\t: fpu amx_bf16\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16\n"


def written(tmp_path, text):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    return path


def test_the_first_core_speaks_for_all(tmp_path):
    path = written(tmp_path, X86)
    assert cpu.vendor(path) == "AuthenticAMD"
    assert cpu.can("avx512_bf16", "amx_bf16", path=path)
    assert not cpu.can("amx_bf16", path=path)
    assert not cpu.can("avx512", path=path), "a part of a word is no word"


def test_arm_calls_its_flags_features_and_names_no_vendor(tmp_path):
    path = written(tmp_path, ARM)
    assert cpu.can("bf16", path=path)
    assert cpu.vendor(path) == ""


def test_nothing_is_known_of_other_systems(tmp_path):
    assert not cpu.can("bf16", path=tmp_path / "none")
    assert cpu.vendor(tmp_path / "none") == ""
