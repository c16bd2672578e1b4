/* What a training step on a CPU asks of the noise, in one pass over memory and in float32: theta with its derivatives,
   their sums, and KL(q || p) with its gradient. The formulas are those of regimes.py and moments.py, which say why;
   a test holds the two together. Lanes are units, so that rows [examples, units] are read and written as they lie.
   Compiled by native.py with the machine's own compiler; without one the Python forms serve. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 64
#define TERMS 13 /* of the power series of e^-g in the flat regime, |g| < 1/2 */
#define FAR 5.0f
#define EACH for (int j = 0; j < LANES; j++)

static inline float clamped(float x, float low, float high) { /* NaN stays NaN */
    x = x < low ? low : x;
    return x > high ? high : x;
}

static inline float bits_float(int32_t i) { float f; memcpy(&f, &i, 4); return f; }
static inline int32_t float_bits(float f) { int32_t i; memcpy(&i, &f, 4); return i; }

/* Polynomials in pairs, not by Horner's scheme: shorter chains, each step of which waits for the one before. */

/* e^x as 2^n e^r, |r| < 0.35, e^r = 1 + r + rest, to 2e-7. No call, so that lanes stay lanes. */
typedef struct { float two, r, rest; } Power;

static inline Power power_of(float x) { /* NaN stays NaN, in r */
    float y = clamped(x, -87.0f, 88.0f);
    float n = (y * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = (y - n * 0.693145752f) - n * 1.42860677e-6f, r2 = r * r;
    float rest = r2 * ((0.5f + r * 0.166666667f)
                 + r2 * ((0.0416666667f + r * 0.00833333333f) + r2 * 0.00138888889f));
    return (Power){bits_float(((int32_t)(n == n ? n : 0) + 127) << 23), r, rest};
}

static inline float exp_of(float x) { /* below -87 it is 0 */
    Power e = power_of(x);
    return x < -87.0f ? 0.0f : ((1 + e.r) + e.rest) * e.two;
}

static inline float expm1_of(float x) { /* without loss near 0 */
    Power e = power_of(x);
    return e.two * (e.r + e.rest) + (e.two - 1);
}

/* log x for normal x > 0, to 1e-7 of max(1, |log x|): log((1 + s) / (1 - s)) and the exponent. */
static inline float log_of(float x) {
    int32_t i = float_bits(x), e = (i - 0x3f3504f3) >> 23;
    float m = bits_float(i - (e << 23)) - 1; /* in [-0.293, 0.414] */
    float s = m / (2 + m), q = s * s;
    float tail = q * ((0.66666667f + q * 0.4f) + q * q * (0.28571429f + q * 0.22222222f));
    return (float)e * 0.693147181f + (2 * s + s * tail);
}

/* xoshiro128+ (Blackman and Vigna), one generator a lane, each started by splitmix64 of the call's seed. */
typedef struct { uint32_t s[4][LANES]; } Draws;

static uint64_t split(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void start(Draws *d, uint64_t seed, uint64_t tile) {
    uint64_t state = seed;
    state = split(&state) + tile * 0xd1342543de82ef95u;
    state = split(&state);
    EACH for (int k = 0; k < 4; k += 2) {
        uint64_t two = split(&state);
        d->s[k][j] = (uint32_t)two | (k == 0); /* never all zeros */
        d->s[k + 1][j] = (uint32_t)(two >> 32);
    }
}

static inline void uniforms(Draws *d, float *u) { /* multiples of 2^-24, as torch.rand gives them */
    EACH {
        uint32_t a = d->s[0][j], b = d->s[1][j], c = d->s[2][j], e = d->s[3][j];
        uint32_t sum = a + e, t = b << 9;
        c ^= a; e ^= b; b ^= c; a ^= e; c ^= t;
        d->s[0][j] = a; d->s[1][j] = b; d->s[2][j] = c; d->s[3][j] = (e << 11) | (e >> 21);
        u[j] = (float)(int32_t)(sum >> 8) * 5.9604645e-8f;
    }
}

typedef struct { /* of the units in the lanes; offset is mu where near, the near end elsewhere; step is -s sigma */
    float sign[LANES], h[LANES], w[LANES], k[LANES], offset[LANES], step[LANES], low[LANES], high[LANES];
    float below[LANES], above[LANES], mass[LANES], half[LANES], fall[LANES];
    float p[LANES], q[LANES], e[TERMS][LANES], first[TERMS][LANES], excess[TERMS][LANES];
    float whole[LANES], whole_first[LANES], whole_excess[LANES];
    float hazard[LANES], growth[LANES], at_end[LANES], cut[LANES], beyond[LANES], bend[LANES];
} Units;

enum { NEAR, FLAT, FAR_OUT };

static float upper(float z) { return erfcf(z * 0.70710678f) / 2; }

static void set_near(Units *t, int j) {
    float h = t->h[j], k = t->k[j], root = 0.70710678f;
    t->below[j] = upper(-h);
    t->above[j] = k > 14 ? 0 : upper(k);
    t->mass[j] = h < 0 ? (erff(k * root) + erff(-h * root)) / 2 : upper(h) - t->above[j];
    t->half[j] = h * h / 2;
    t->fall[j] = expf(-t->w[j] * (t->w[j] / 2 + h));
}

/* e^-g and its integrals from 0 as power series in y = s / w, g = p y + q y^2:
   F = int e^-g, first = int y e^-g, excess = int g e^-g. */
static void set_flat(Units *t, int j) {
    float p = t->h[j] * t->w[j], q = t->w[j] * t->w[j] / 2, before = 0, e = 1, F = 0, G = 0, X = 0, two_back = 0;
    t->p[j] = p; t->q[j] = q;
    for (int k = 0; k < TERMS; k++) {
        t->e[k][j] = e;
        t->first[k][j] = k ? before / (float)(k + 1) : 0;
        t->excess[k][j] = (p * before + q * two_back) / (float)(k + 1);
        F += e / (float)(k + 1); G += t->first[k][j]; X += t->excess[k][j];
        float next = -(p * e + 2 * q * before) / (float)(k + 1);
        two_back = before; before = e; e = next;
    }
    t->whole[j] = F; t->whole_first[j] = G; t->whole_excess[j] = X;
}

static int regime_of(float loc, float scale, float low, float high) {
    int top = loc > (low + high) / 2;
    float h = (top ? loc - high : low - loc) / scale, w = (high - low) / scale;
    return (fabsf(h) + w) * w < 0.5f ? FLAT : h >= FAR ? FAR_OUT : NEAR;
}

/* Each regime: the offset, dt/dh, and t - h dt/dh - w dt/dw, from v = P(T > t) and c = 1 - v. */
static inline void near_row(const Units *t, const float *v, float *at, float *by_h, float *by_sigma) {
    EACH {
        float c = 1 - v[j], below = c * t->mass[j] + t->below[j], above = v[j] * t->mass[j] + t->above[j];
        float x = -log_of(clamped(4 * below * above, 1e-37f, 1));
        float x2 = x * x, x4 = x2 * x2;
        float over = (1.25331409f + x * 0.459661718f) + x2 * (0.0964878357f + x * 0.013761957f)
                     + x4 * ((0.00132146594f + x * 8.04497804e-05f) + x2 * 5.50081194e-07f);
        float under = (1 + x * 0.104956619f) + x2 * (0.0364808482f + x * 0.00268982981f)
                      + x4 * ((0.000301424241f + x * 6.42926097e-06f) + x2 * 9.85040448e-09f);
        float z = clamped((below - above) * over / under, t->h[j], t->k[j]);
        float rise = exp_of(clamped(z * z / 2 - t->half[j], -80, 80)), by_k = c * t->fall[j];
        float by_ends = (v[j] + by_k) * rise;
        at[j] = z;
        by_h[j] = by_ends - 1;
        by_sigma[j] = z - by_ends * t->h[j] - by_k * rise * t->w[j];
    }
}

/* One step of Newton's method from the first order in p and q, which is right to 2e-3. */
static inline void flat_row(const Units *t, const float *v, float *at, float *by_h, float *by_sigma) {
    EACH {
        float p = t->p[j], q = t->q[j], c = 1 - v[j];
        float y = c - c * v[j] * (p / 2 + q / 3 * (1 + c)), e = 0, F = 0, G = 0, X = 0;
        for (int k = TERMS - 1; k >= 0; k--) {
            e = e * y + t->e[k][j];
            F = F * y + t->e[k][j] / (float)(k + 1);
        }
        y = clamped(y - (F * y - c * t->whole[j]) / e, 0, 1);
        for (int k = TERMS - 1; k >= 0; k--) {
            G = G * y + t->first[k][j];
            X = X * y + t->excess[k][j];
        }
        float rise = exp_of(y * (p + q * y)) * t->w[j];
        at[j] = y * t->w[j];
        by_h[j] = (G * y - c * t->whole_first[j]) * rise * t->w[j];
        by_sigma[j] = -2 * (X * y - c * t->whole_excess[j]) * rise;
    }
}

static inline float mills(float z) { /* log(z R(z)) */
    float x = 1 / (z * z);
    return x * (-0.99998688f + x * (2.49299344f + x * (-11.47039631f + x * 48.15695362f)));
}

static inline float log1p_of(float x) { /* without loss near 0: the rounding of 1 + x is put back */
    float y = 1 + x;
    return log_of(y) + (x - (y - 1)) / y;
}

/* By how much log R falls from h to h + s; at_end: `mills` of h. */
static inline float mills_drop(float h, float at_end, float s) {
    return log1p_of(s / h) + at_end - mills(h + s);
}

/* Beyond the near end: from w and h alone, once for all draws. */
static void set_far(Units *t, int j) {
    float h = t->h[j], w = t->w[j], excess = 0;
    for (int k = 24; k > 0; k--) excess = (float)k / (h + excess);
    t->hazard[j] = h + excess;
    t->growth[j] = 2 * (1 - excess / t->hazard[j]);
    t->at_end[j] = mills(h);
    float drop = mills_drop(h, t->at_end[j], w), fall = w * (w / 2 + h);
    t->cut[j] = fall + drop;
    t->beyond[j] = expf(-t->cut[j]);
    t->fall[j] = expf(-fall) * w;
    t->bend[j] = -expf(-fall) * expm1f(-drop);
}

static inline void far_row(const Units *t, const float *v, float *at, float *by_h, float *by_sigma) {
    EACH {
        float h = t->h[j], w = t->w[j], c = 1 - v[j], left = clamped(c * t->beyond[j] + v[j], 1e-37f, 1);
        float energy = clamped(-log_of(left), 0, t->cut[j]), hazard = t->hazard[j];
        float s = 2 * energy / (hazard + sqrtf(energy * t->growth[j] + hazard * hazard)), z = s + h;
        float drop = mills_drop(h, t->at_end[j], s);
        s = clamped(s - (s * (s / 2 + h) + drop - energy) / (z * (1 + 1 / (z * z + 2))), 0, w);
        drop = mills_drop(h, t->at_end[j], s);
        float slope = expm1_of(log1p_of(c * t->bend[j] / left) - drop), up = s * (s / 2 + h);
        at[j] = s;
        by_h[j] = slope;
        by_sigma[j] = s - slope * h - exp_of(clamped(up, 0, 80)) * c * t->fall[j];
    }
}

static void set_units(Units *t, int regime, const int64_t *unit, const float *loc, const float *scale,
                      const float *low, const float *high) {
    EACH {
        int64_t i = unit[j];
        int top = loc[i] > (low[i] + high[i]) / 2;
        float end = top ? high[i] : low[i], sign = top ? 1.0f : -1.0f;
        float h = sign * (loc[i] - end) / scale[i], w = (high[i] - low[i]) / scale[i];
        t->sign[j] = sign; t->h[j] = h; t->w[j] = w; t->k[j] = h + w; t->step[j] = -sign * scale[i];
        t->low[j] = low[i]; t->high[j] = high[i]; t->offset[j] = regime == NEAR ? loc[i] : end;
        if (regime == NEAR) set_near(t, j);
        if (regime == FLAT) set_flat(t, j);
        if (regime == FAR_OUT) set_far(t, j);
    }
}

static inline void put(float *row, const int64_t *unit, int count, int side_by_side, const float *x) {
    if (side_by_side) memcpy(row + unit[0], x, sizeof(float) * LANES);
    else for (int j = 0; j < count; j++) row[unit[j]] = x[j];
}

static void draw_tile(int regime, const int64_t *unit, int count, int64_t examples, int64_t units, const float *loc,
                      const float *scale, const float *low, const float *high, uint64_t seed, const float *u,
                      float *theta, float *by_loc, float *by_scale) {
    int side_by_side = count == LANES && unit[LANES - 1] - unit[0] == LANES - 1;
    Units t;
    Draws d;
    set_units(&t, regime, unit, loc, scale, low, high);
    start(&d, seed, (uint64_t)unit[0]);
    for (int64_t o = 0; o < examples; o++) {
        float v[LANES], at[LANES], bh[LANES], bs[LANES];
        if (u) EACH v[j] = u[o * units + unit[j]];
        else uniforms(&d, v);
        EACH {
            float open = v[j] < 1.4901161e-8f ? 1.4901161e-8f : v[j];
            v[j] = t.sign[j] > 0 ? open : 1 - open;
        }
        if (regime == NEAR) near_row(&t, v, at, bh, bs);
        else if (regime == FLAT) flat_row(&t, v, at, bh, bs);
        else far_row(&t, v, at, bh, bs);
        EACH {
            float value = exp_of(clamped(t.offset[j] + t.step[j] * at[j], t.low[j], t.high[j]));
            at[j] = value;
            bh[j] *= -value;
            bs[j] *= -t.sign[j] * value;
        }
        put(theta + o * units, unit, count, side_by_side, at);
        if (by_loc) {
            put(by_loc + o * units, unit, count, side_by_side, bh);
            put(by_scale + o * units, unit, count, side_by_side, bs);
        }
    }
}

typedef struct {
    int64_t examples, units;
    const float *loc, *scale, *low, *high, *u;
    uint64_t seed;
    float *theta, *by_loc, *by_scale;
} Task;

static void draw_some(const Task *t, int64_t from, int64_t to) {
    for (int regime = NEAR; regime <= FAR_OUT; regime++) {
        int64_t unit[LANES];
        int count = 0;
        for (int64_t i = from; i <= to; i++) {
            if (i < to && regime_of(t->loc[i], t->scale[i], t->low[i], t->high[i]) == regime) unit[count++] = i;
            if (count == LANES || (i == to && count)) {
                for (int j = count; j < LANES; j++) unit[j] = unit[0]; /* idle lanes work on the first again */
                draw_tile(regime, unit, count, t->examples, t->units, t->loc, t->scale, t->low, t->high, t->seed, t->u,
                          t->theta, t->by_loc, t->by_scale);
                count = 0;
            }
        }
    }
}

/* The same two parts however many threads there are, so that the draws do not depend on it. */
static int64_t middle(int64_t units) { return units / 2 / LANES * LANES; }

static void draw_part(const Task *t, int part) {
    int64_t half = middle(t->units);
    draw_some(t, part ? half : 0, part ? t->units : half);
}

#ifdef __linux__ /* torch's own pool of threads, where it is GNU's: a second pool would fight with it for the cores. */
extern void GOMP_parallel(void (*work)(void *), void *data, unsigned threads, unsigned flags) __attribute__((weak));
extern int omp_get_thread_num(void) __attribute__((weak));
extern int omp_get_num_threads(void) __attribute__((weak));

static void draw_mine(void *task) {
    if (omp_get_num_threads() < 2) draw_part(task, 0);
    if (omp_get_thread_num() == 0 || omp_get_num_threads() < 2) { draw_part(task, 1); return; }
    draw_part(task, 0);
}

static int shared(Task *task) {
    if (!GOMP_parallel || !omp_get_thread_num || !omp_get_num_threads) return 0;
    GOMP_parallel(draw_mine, task, 2, 0);
    return 1;
}
#else
static int shared(Task *task) { (void)task; return 0; }
#endif

/* theta [examples, units] and, unless they are null, d theta / d mu and d theta / d sigma of the same shape.
   u: the uniforms [examples, units] to use; null: drawn from the seed, each tile of units from a stream of its own. A
   tile holds units of one regime, so that each is worked out by its own formulas alone. */
void sbp_draw(int64_t examples, int64_t units, const float *loc, const float *scale, const float *low,
              const float *high, uint64_t seed, const float *u, float *theta, float *by_loc, float *by_scale,
              int64_t threads) {
    Task task = {examples, units, loc, scale, low, high, u, seed, theta, by_loc, by_scale};
    if (threads < 2 || !shared(&task)) { draw_part(&task, 0); draw_part(&task, 1); }
}

/* Sums over the examples of grad times each derivative, all [examples, units], into two arrays [units]. */
void sbp_sums(int64_t examples, int64_t units, const float *grad, const float *by_loc, const float *by_scale,
              float *loc, float *scale) {
    for (int64_t i = 0; i < units; i += LANES) {
        int count = (int)(units - i < LANES ? units - i : LANES);
        float a[LANES] = {0}, b[LANES] = {0};
        for (int64_t o = 0; o < examples; o++) {
            const float *g = grad + o * units + i, *l = by_loc + o * units + i, *s = by_scale + o * units + i;
            if (count == LANES) { EACH { a[j] += g[j] * l[j]; b[j] += g[j] * s[j]; } }
            else for (int j = 0; j < count; j++) { a[j] += g[j] * l[j]; b[j] += g[j] * s[j]; }
        }
        memcpy(loc + i, a, sizeof(float) * (size_t)count);
        memcpy(scale + i, b, sizeof(float) * (size_t)count);
    }
}

/* KL(q || p) of each unit, [units], and its derivatives in mu and sigma: moments.kl_and_gradient, node by node.
   nodes, weights: Gauss-Legendre's on [-1, 1]; e^-reach is what is left out at each end. */
void sbp_kl(int64_t units, const float *loc, const float *scale, const float *low, const float *high, int64_t n,
            const float *nodes, const float *weights, float reach, float *kl, float *by_loc, float *by_scale) {
    for (int64_t i = 0; i < units; i += LANES) {
        int count = (int)(units - i < LANES ? units - i : LANES);
        float start[LANES], half[LANES], away[LANES], inverse[LANES], width[LANES];
        float mass[LANES] = {0}, g1[LANES] = {0}, g2[LANES] = {0}, gs[LANES] = {0};
        EACH {
            int64_t m = i + (j < count ? j : count - 1);
            float mode = clamped(loc[m], low[m], high[m]), variance = scale[m] * scale[m], off = fabsf(mode - loc[m]);
            float broad = 2 * reach * variance / (off + sqrtf(off * off + 2 * reach * variance));
            float left = low[m] - mode, right = high[m] - mode;
            start[j] = left > -broad ? left : -broad;
            half[j] = ((right < broad ? right : broad) - start[j]) / 2;
            inverse[j] = 1 / scale[m];
            away[j] = (mode - loc[m]) * inverse[j];
            width[j] = high[m] - low[m];
        }
        for (int64_t k = 0; k < n; k++)
            EACH {
                float s = start[j] + half[j] * (1 + nodes[k]), z = s * inverse[j], g = -z * (z / 2 + away[j]);
                float p = half[j] * weights[k] * exp_of(g);
                mass[j] += p;
                g1[j] += p * g;
            }
        EACH g1[j] /= mass[j];
        for (int64_t k = 0; k < n; k++)
            EACH {
                float s = start[j] + half[j] * (1 + nodes[k]), z = s * inverse[j], g = -z * (z / 2 + away[j]);
                float p = half[j] * weights[k] * exp_of(g), off = g - g1[j];
                gs[j] += p * off * s;
                g2[j] += p * off * off;
            }
        for (int j = 0; j < count; j++) {
            kl[i + j] = g1[j] - logf(mass[j] / width[j]);
            by_loc[i + j] = gs[j] / mass[j] * inverse[j] * inverse[j];
            by_scale[i + j] = -2 * g2[j] / mass[j] * inverse[j];
        }
    }
}
