/* The grid of a path's timing: where the nodes are, and the rows of the limits there. */
#include "sc_timing.h"

#include <assert.h>
#include <string.h>

#define DEFAULT_CELLS 100 /* of a short path */
#define PER_SEGMENT 20    /* least cells per segment of the path, on average */
#define LEAST_PARTS 6     /* of each segment */
#define GRADES 20         /* most cells into which the first and the last regular one are cut */
#define CAP_RANGE 1e8     /* largest cap over the least one: where the path stands still in s */
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
 * limit; from a slow motion, until full jerk has raised its speed by about half. */
static double
jerk_phase(const sc_timing_request *request, bool at_end, double speed)
{
    const sc_spline *path = request->path;
    double d[3][SC_MAX_DOF], acceleration = INFINITY, jerk = INFINITY;
    size_t segment = at_end ? path->segments - 1 : 0;
    derivatives(path, segment, at_end ? path->breaks[segment + 1] - path->breaks[segment] : 0.0, d);
    for (size_t i = 0; i < path->dof; i++) {
        acceleration = fmin(acceleration, request->limits->acceleration[i] / fabs(d[0][i]));
        jerk = fmin(jerk, request->limits->jerk[i] / fabs(d[0][i]));
    }
    double time = acceleration / jerk;
    if (speed > 0.0) {
        return 0.5 * speed * sqrt(2.0 * speed / jerk);
    }
    return jerk * time * time * time / 6.0; /* NaN where the path does not move */
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
    }
    double share = (path->breaks[segment + 1] - path->breaks[segment]) / sc_spline_duration(path);
    double parts = ceil(share * (double)wanted - 1e-9);
    return parts > LEAST_PARTS ? (size_t)parts : LEAST_PARTS;
}

/* Writes the nodes' s and the cells' segments (both NULL: only counts); returns the cells. */
static size_t
place(const sc_timing_request *request, double *s, size_t *segment)
{
    const sc_spline *path = request->path;
    size_t n = 0;
    for (size_t k = 0; k < path->segments; k++) {
        size_t parts = parts_of(request, k);
        double from = path->breaks[k], h = (path->breaks[k + 1] - from) / (double)parts;
        if (parts > SC_TIMING_CELLS) {
            return 0;
        }
        for (size_t p = 0; p < parts; p++) {
            double ends[GRADES] = {h}, turned[GRADES];
            bool last = k + 1 == path->segments && p + 1 == parts;
            size_t count = 1;
            if (request->with_jerk && k == 0 && p == 0) {
                count = grade(jerk_phase(request, false, request->start[0]), h, ends);
            }
            else if (request->with_jerk && last) {
                count = grade(jerk_phase(request, true, request->end_speed), h, turned);
                for (size_t m = 0; m + 1 < count; m++) {
                    ends[m] = h - turned[count - 2 - m];
                }
                ends[count - 1] = h;
            }
            if (n + count > SC_TIMING_CELLS) {
                return 0;
            }
            for (size_t m = 0; s != NULL && m < count; m++) {
                segment[n + m] = k;
                s[n + m + 1] = m + 1 < count   ? from + h * (double)p + ends[m]
                               : p + 1 < parts ? from + h * (double)(p + 1)
                                               : path->breaks[k + 1];
            }
            n += count;
        }
    }
    return n;
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
