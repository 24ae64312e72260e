"""The engine in plain Python: the readable specification, and the fallback where no wheel fits.

The modules mirror ``rust/engine/src`` one for one, in names and order; read them side by side. They
share no code with the compiled engine, and prefer clarity to speed. `surface` corresponds to the
compiled engine's bindings: the rest of the package calls the engine through it.
"""
