/* The grid of a path's timing: where the nodes are, and the rows of the limits there. */
#include "sc_timing.h"

#include <string.h>

#define DEFAULT_CELLS 100 /* of a short path */
#define PER_SEGMENT 20    /* least cells per segment of the path, on average */
#define MOST_CELLS 2000   /* unless more are asked for, or there are very many segments */
#define LEAST_PARTS 6     /* of each segment */
#define MANY_SEGMENTS 400 /* from which on they get two parts at least */
#define GRADES 20         /* most cells into which the first and the last regular one are cut */
#define CAP_RANGE 1e8     /* largest cap over the least one: where the path stands still in s */
#define STRAIGHT 0.1      /* relative change of the direction within one cell at a rest */
#define LEAST_START 4e-5  /* the least of them, of the regular cell */
#define LEAST_GRADE 0.7   /* the last of them is at least this share of what is left */

/* Derivatives of the path by s at x in a segment; d: 3 rows of dof. */
static void
derivatives(const sc_spline *path, size_t segment, double x, double d[3][SC_MAX_DOF])
{
    const double *c = path->coeff + segment * path->dof * SC_POLY;
    for (size_t i = 0; i < path->dof; i++, c += SC_POLY) {
        double state[4];
        sc_poly_state(c, x, state);
        d[0][i] = state[1];
        d[1][i] = state[2];
        d[2][i] = state[3];
    }
}

/* The first cell's length at an end: from a rest, until full jerk has reached the acceleration
 * limit or half the velocity limit; from a slow motion, until full jerk has raised its speed by
 * about half. */
static double
jerk_phase(const sc_timing_request *request, bool at_end, double speed)
{
    const sc_spline *path = request->path;
    double d[3][SC_MAX_DOF], velocity = INFINITY, acceleration = INFINITY, jerk = INFINITY;
    size_t segment = at_end ? path->segments - 1 : 0;
    derivatives(path, segment, at_end ? path->breaks[segment + 1] - path->breaks[segment] : 0.0, d);
    for (size_t i = 0; i < path->dof; i++) {
        velocity = fmin(velocity, request->limits->velocity[i] / fabs(d[0][i]));
        acceleration = fmin(acceleration, request->limits->acceleration[i] / fabs(d[0][i]));
        jerk = fmin(jerk, request->limits->jerk[i] / fabs(d[0][i]));
    }
    if (speed > 0.0) {
        return 0.5 * speed * sqrt(2.0 * speed / jerk);
    }
    /* from rest to rest without any other limit the first of four phases takes a twelfth */
    double time = fmin(acceleration / jerk, sqrt(velocity / jerk));
    return fmin(jerk * time * time * time, 0.5 * sc_spline_duration(path)) / 6.0;
}

/* Ends of the cells, from the path's end, into which the regular cell there is cut. */
static size_t
grade(double phase, double cell, double out[GRADES])
{
    size_t n = 0;
    double at = fmax(phase, LEAST_START * cell);
    while (n + 1 < GRADES && at < LEAST_GRADE * cell) {
        out[n++] = at;
        at *= 2.0;
    }
    out[n++] = cell;
    return n;
}

/* How many parts a segment of the path gets. */
static size_t
parts_of(const sc_timing_request *request, size_t segment)
{
    const sc_spline *path = request->path;
    size_t wanted = request->cells;
    if (wanted == 0) {
        wanted = PER_SEGMENT * path->segments;
        wanted = wanted > DEFAULT_CELLS ? wanted : DEFAULT_CELLS;
        wanted = wanted < MOST_CELLS ? wanted : MOST_CELLS;
    }
    double share = (path->breaks[segment + 1] - path->breaks[segment]) / sc_spline_duration(path);
    double parts = ceil(share * (double)wanted - 1e-9);
    size_t least = path->segments < MANY_SEGMENTS ? LEAST_PARTS : 2;
    return parts > (double)least ? (size_t)parts : least;
}

static double
regular_cell(const sc_timing_request *request, size_t segment)
{
    const double *breaks = request->path->breaks;
    return (breaks[segment + 1] - breaks[segment]) / (double)parts_of(request, segment);
}

/* How much the path's direction changes within x from an end of the path, relative to it. */
static double
turning(const sc_timing_request *request, bool at_end, double x)
{
    const sc_spline *path = request->path;
    double here[3][SC_MAX_DOF], there[3][SC_MAX_DOF], largest = 0.0, change = 0.0;
    size_t k = at_end ? path->segments - 1 : 0;
    double h = path->breaks[k + 1] - path->breaks[k];
    derivatives(path, k, at_end ? h : 0.0, here);
    derivatives(path, k, at_end ? h - x : x, there);
    for (size_t i = 0; i < path->dof; i++) {
        largest = fmax(largest, fabs(here[0][i]) / request->limits->jerk[i]);
        change = fmax(change, fabs(there[0][i] - here[0][i]) / request->limits->jerk[i]);
    }
    return change / largest;
}

/* The cells at one end of a segment: how many regular ones they replace, and where they end, seen
 * from that end. */
typedef struct {
    size_t regular, count;
    double ends[GRADES];
} edge;

/* At an end of the path the cells begin with one of constant jerk, be it shorter or longer than a
 * regular one; inside it their length does not jump between two segments. */
static edge
edge_of(const sc_timing_request *request, size_t segment, bool at_end)
{
    double h = regular_cell(request, segment);
    edge result = {1, 1, {h}};
    if (!request->with_jerk) {
        return result;
    }
    if (segment != (at_end ? request->path->segments - 1 : 0)) {
        double neighbour = regular_cell(request, at_end ? segment + 1 : segment - 1);
        if (neighbour < 0.5 * h) {
            result.count = grade(neighbour, h, result.ends);
        }
        return result;
    }
    double speed = at_end ? request->end_speed : request->start[0];
    double phase = jerk_phase(request, at_end, speed);
    size_t most = parts_of(request, segment) / 3;
    while (speed == 0.0 && result.regular < most && (double)(result.regular + 1) * h <= phase &&
           turning(request, at_end, (double)(result.regular + 1) * h) < STRAIGHT) {
        result.regular++;
        result.ends[0] = (double)result.regular * h;
    }
    if (result.regular == 1) {
        result.count = grade(phase, h, result.ends);
    }
    return result;
}

/* Where nodes are written; without arrays they are only counted. */
typedef struct {
    size_t cells;
    double *s;
    size_t *segment;
} placer;

static void
add_node(placer *p, size_t segment, double s)
{
    if (p->s != NULL) {
        p->segment[p->cells] = segment;
        p->s[p->cells + 1] = s;
    }
    p->cells++;
}

/* Writes the nodes' s and the cells' segments (both NULL: only counts); returns the cells, 0 if
 * there are too many. */
static size_t
place(const sc_timing_request *request, double *s, size_t *segment)
{
    const sc_spline *path = request->path;
    placer out = {0, s, segment};
    for (size_t k = 0; k < path->segments; k++) {
        size_t parts = parts_of(request, k);
        double from = path->breaks[k], to = path->breaks[k + 1], h = regular_cell(request, k);
        edge head = edge_of(request, k, false), tail = edge_of(request, k, true);
        if (out.cells + parts + 2 * GRADES > SC_TIMING_CELLS) {
            return 0;
        }
        for (size_t m = 0; m < head.count; m++) {
            add_node(&out, k, from + head.ends[m]);
        }
        for (size_t p = head.regular + 1; p <= parts - tail.regular; p++) {
            add_node(&out, k, from + h * (double)p);
        }
        for (size_t m = tail.count - 1; m-- > 0;) {
            add_node(&out, k, to - tail.ends[m]);
        }
        add_node(&out, k, to);
    }
    return out.cells;
}

size_t
sc_timing_count(const sc_timing_request *request)
{
    return place(request, NULL, NULL);
}

static size_t
lanes_of(size_t dof)
{
    return dof <= 8 ? 8 : 16;
}

size_t
sc_timing_space(size_t cells, size_t dof)
{
    size_t lanes = lanes_of(dof), nodes = cells + 2;
    return nodes * ((SC_TIMING_TABLES * lanes + 6 + SC_TIMING_WORK(lanes)) * sizeof(double) +
                    sizeof(size_t) + sizeof(sc_timing_cell));
}

static double *
take(double **at, size_t count)
{
    double *result = *at;
    *at += count;
    return result;
}

static void
lay_out(void *memory, size_t cells, sc_timing_grid *grid)
{
    size_t nodes = cells + 2, rows = nodes * grid->lanes;
    double *at = memory;
    memset(memory, 0, rows * SC_TIMING_TABLES * sizeof(double));
    double **const tables[SC_TIMING_TABLES] = {&grid->A1, &grid->A2,  &grid->J1,  &grid->J2,
                                               &grid->J3, &grid->J3L, &grid->A1M, &grid->A2M};
    for (size_t k = 0; k < SC_TIMING_TABLES; k++) {
        *tables[k] = take(&at, rows);
    }
    double **const columns[] = {&grid->s, &grid->cap, &grid->capM, &grid->gain, &grid->a, &grid->v};
    for (size_t k = 0; k < 6; k++) {
        *columns[k] = take(&at, nodes);
    }
    grid->work = take(&at, nodes * SC_TIMING_WORK(grid->lanes));
    grid->cell = (sc_timing_cell *)(void *)at;
    grid->segment = (size_t *)(void *)(grid->cell + nodes);
}

/* Largest a that the tool's speed allows at a joint position moving along d. */
static double
tool_cap(const sc_timing_request *request, const double *q, const double *d)
{
    sc_frame tip;
    double axes[6 * SC_MAX_DOF], velocity[3] = {0.0, 0.0, 0.0};
    sc_chain_jacobian(request->chain, q, &tip, axes);
    for (size_t i = 0; i < request->chain->dof; i++) {
        for (size_t m = 0; m < 3; m++) {
            velocity[m] += axes[6 * i + m] * d[i];
        }
    }
    double ratio = request->tool_speed / sc_norm3(velocity);
    return ratio * ratio;
}

/* Largest a that velocity limits and tool speed allow where the path has derivative d. */
static double
cap_at(const sc_timing_request *request, size_t segment, double x, const double *d)
{
    const sc_spline *path = request->path;
    double fastest = 1e-30, q[SC_MAX_DOF];
    for (size_t i = 0; i < path->dof; i++) {
        fastest = fmax(fastest, fabs(d[i]) / request->limits->velocity[i]);
    }
    double cap = 1.0 / (fastest * fastest);
    if (request->chain != NULL) {
        for (size_t i = 0; i < path->dof; i++) {
            double state[4];
            sc_poly_state(path->coeff + (segment * path->dof + i) * SC_POLY, x, state);
            q[i] = state[0];
        }
        cap = fmin(cap, tool_cap(request, q, d));
    }
    return cap;
}

/* Rows and cap of node k, seen from its cell on the right (or, the last node, on the left). */
static void
fill_node(const sc_timing_request *request, size_t k, const sc_timing_grid *grid)
{
    const sc_spline *path = request->path;
    const sc_limits *limits = request->limits;
    size_t segment = grid->segment[k < grid->cells ? k : k - 1], at = k * grid->lanes;
    double d[3][SC_MAX_DOF], x = grid->s[k] - path->breaks[segment];
    derivatives(path, segment, x, d);
    for (size_t i = 0; i < path->dof; i++) {
        grid->A1[at + i] = d[0][i] / limits->acceleration[i];
        grid->A2[at + i] = d[1][i] / limits->acceleration[i];
        grid->J1[at + i] = d[0][i] / limits->jerk[i];
        grid->J2[at + i] = 3.0 * d[1][i] / limits->jerk[i];
        grid->J3[at + i] = d[2][i] / limits->jerk[i];
    }
    grid->cap[k] = cap_at(request, segment, x, d[0]);
}

/* The third derivatives of every cell at its right end. */
static void
fill_right_ends(const sc_timing_request *request, const sc_timing_grid *grid)
{
    for (size_t k = 0; k < grid->cells; k++) {
        size_t segment = grid->segment[k], at = k * grid->lanes;
        if (k + 1 < grid->cells && segment == grid->segment[k + 1]) {
            memcpy(grid->J3L + at, grid->J3 + at + grid->lanes, grid->dof * sizeof(double));
            continue;
        }
        double d[3][SC_MAX_DOF];
        derivatives(request->path, segment, grid->s[k + 1] - request->path->breaks[segment], d);
        for (size_t i = 0; i < grid->dof; i++) {
            grid->J3L[at + i] = d[2][i] / request->limits->jerk[i];
        }
    }
}

/* The rows in the middle of cell k. */
static void
fill_middle(const sc_timing_request *request, size_t k, const sc_timing_grid *grid)
{
    const sc_spline *path = request->path;
    size_t segment = grid->segment[k], at = k * grid->lanes;
    double d[3][SC_MAX_DOF], x = 0.5 * (grid->s[k] + grid->s[k + 1]) - path->breaks[segment];
    derivatives(path, segment, x, d);
    for (size_t i = 0; i < path->dof; i++) {
        grid->A1M[at + i] = d[0][i] / request->limits->acceleration[i];
        grid->A2M[at + i] = d[1][i] / request->limits->acceleration[i];
    }
    grid->capM[k] = cap_at(request, segment, x, d[0]);
}

sc_status
sc_timing_fill(const sc_timing_request *request, size_t cells, void *memory, sc_timing_grid *grid)
{
    grid->cells = cells;
    grid->dof = request->path->dof;
    grid->lanes = lanes_of(grid->dof);
    grid->rest[0] = request->start[0] == 0.0;
    grid->rest[1] = request->end_speed == 0.0;
    lay_out(memory, cells, grid);
    grid->s[0] = 0.0;
    if (place(request, grid->s, grid->segment) != cells) {
        return SC_BAD_ARGUMENT;
    }
    for (size_t k = 0; k <= cells; k++) {
        fill_node(request, k, grid);
        grid->gain[k] = 1.0;
    }
    fill_right_ends(request, grid);
    double least = INFINITY;
    for (size_t k = 0; k <= cells; k++) {
        least = fmin(least, grid->cap[k]);
    }
    for (size_t k = 0; k < cells; k++) {
        fill_middle(request, k, grid);
        grid->cap[k] = fmin(grid->cap[k], CAP_RANGE * least);
        if (!(grid->s[k + 1] > grid->s[k])) {
            return SC_BAD_ARGUMENT;
        }
    }
    return SC_OK;
}
