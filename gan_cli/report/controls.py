"""What a reader takes hold of: choosers, sliders and buttons, which the page's script fills and follows."""

# The system's colours, before anything is seen
THEME = (
    "document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';"
)
NO_SCRIPT = """<noscript><style>
tbody[hidden] { display: table-row-group !important; } .tools, #theme, #curves, #samples { display: none; }
</style></noscript>
"""
RESULTS = """<div class="tools"><label>Metric <select id="metric"></select></label>
<output id="metric-means"></output></div>
<div class="chart tall" id="intervals" role="img"
 aria-label="Mean and 95 % interval of each configuration, with its runs; the table below has the same numbers"></div>
<p class="soft" id="interval-words"></p>
"""
CURVES = """<div class="tools">
<label class="wide">Metric <select id="curve"></select></label>
<label class="tick"><input type="checkbox" id="log">log scale</label>
<label class="tick"><input type="checkbox" id="single">single runs</label>
<label>Smoothing <input type="range" id="smooth" min="0" max="0.95" step="0.05" value="0"></label></div>
<div class="tools" id="chip-tools">
<label>Configurations <input type="search" id="chip-filter" placeholder="any text"></label>
<button type="button" data-show="best">best 8</button>
<button type="button" data-show="all">all</button>
<button type="button" data-show="none">none</button>
<output id="chip-count" aria-live="polite"></output></div>
<div class="chips" id="chips" role="group" aria-label="Configurations shown"></div>
<div class="chart" id="curve-chart" role="img" aria-label="The metric along the runs"></div>
<p class="soft" id="curve-words"></p>
<details id="gallery"><summary>Every metric at a glance</summary><div class="charts"></div></details>
"""
SAMPLES = """<div class="tools">
<label>Runs <input type="search" id="grid-filter" placeholder="any text"></label>
<label>Side by side <select id="arrange">
<option value="z">the same z</option><option value="group">one configuration</option></select></label>
<label>Size <select id="size"><option value="9rem">small</option>
<option value="15rem" selected>medium</option><option value="26rem">large</option></select></label></div>
<div class="player"><button type="button" id="play" aria-pressed="false">Play</button>
<input type="range" id="step" min="0" value="0" aria-label="Step of the samples">
<output id="step-words" for="step"></output></div>
<div id="grids"></div>
<dialog id="large" aria-label="Enlarged samples"><img alt=""><form method="dialog"><span></span>
<button aria-label="Close the enlarged samples">Close</button></form></dialog>
"""
