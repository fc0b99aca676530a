/**
 * Accuracy and response length over iterations, as figure 5 of the k1.5 report plots them: held-out accuracy with the reward of what was
 * trained on above, mean and 95th percentile of the response length below.
 */
import type { EvaluationEvent, IterationEvent } from '@segue/core';
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { bottomAxis, document, element, label, leftAxis, legend } from './svg.js';

const width = 860;
const panel = { left: 56, right: width - 24, height: 210 };
const accuracyTop = 64;
const lengthTop = accuracyTop + panel.height + 64;
const height = lengthTop + panel.height + 52;

const colors = { accuracy: '#1b6ca8', reward: '#e0912f', mean: '#2a8f5b', p95: '#8cc5a4' };

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LearningCurveInput {
  readonly title: string;
  readonly iterations: readonly IterationEvent[];
  readonly evaluations: readonly EvaluationEvent[];
}

export function drawLearningCurve({ title, iterations, evaluations }: LearningCurveInput): string {
  const x = scaleLinear()
    .domain([0, Math.max(1, iterations.length)])
    .range([panel.left, panel.right]);
  const sampled = evaluations.filter((e) => e.temperature > 0);
  const accuracy = sampled.map((e) => ({ x: e.iteration, y: e.accuracy }));
  // An iteration's own numbers belong to its middle: it begins at i and ends at i + 1.
  const middle = (i: IterationEvent, y: number): Point => ({ x: i.iteration + 0.5, y });
  const reward = iterations.flatMap((i) => (i.rewardMean === null ? [] : [middle(i, i.rewardMean)]));
  const mean = iterations.map((i) => middle(i, i.responseTokensMean));
  const p95 = iterations.map((i) => middle(i, i.responseTokensP95));
  const longest = Math.max(1, ...p95.map((p) => p.y));

  const accuracyScale = scaleLinear()
    .domain([0, 1])
    .range([accuracyTop + panel.height, accuracyTop]);
  const lengthScale = scaleLinear()
    .domain([0, longest])
    .nice()
    .range([lengthTop + panel.height, lengthTop]);
  const draw = (points: readonly Point[], y: (value: number) => number, color: string) => drawLine(points, x, y, color);
  return document(
    width,
    height,
    title,
    label(panel.left, 28, title, { class: 'title' }),
    legend(panel.left, accuracyTop - 10, [
      { color: colors.accuracy, text: 'held-out accuracy' },
      { color: colors.reward, text: 'mean reward of finished responses' },
    ]),
    bottomAxis(x, accuracyTop, accuracyTop + panel.height, 10),
    leftAxis(accuracyScale, panel.left, panel.right, 5),
    draw(reward, accuracyScale, colors.reward),
    draw(accuracy, accuracyScale, colors.accuracy),
    legend(panel.left, lengthTop - 10, [
      { color: colors.mean, text: 'response tokens, mean' },
      { color: colors.p95, text: 'response tokens, 95th percentile' },
    ]),
    bottomAxis(x, lengthTop, lengthTop + panel.height, 10),
    leftAxis(lengthScale, panel.left, panel.right, 5),
    draw(p95, lengthScale, colors.p95),
    draw(mean, lengthScale, colors.mean),
    label((panel.left + panel.right) / 2, height - 14, 'iteration', { 'text-anchor': 'middle' }),
  );
}

function drawLine(
  points: readonly Point[],
  x: (value: number) => number,
  y: (value: number) => number,
  color: string,
): string {
  const path = line<Point>(
    (p) => x(p.x),
    (p) => y(p.y),
  )([...points]);
  const dots = points.map((p) => element('circle', { cx: x(p.x), cy: y(p.y), r: 2.5, fill: color })).join('');
  return (path ? element('path', { d: path, fill: 'none', stroke: color, 'stroke-width': 2 }) : '') + dots;
}
